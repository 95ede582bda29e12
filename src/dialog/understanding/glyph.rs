//! One character, without what people and keyboards vary: case, accents, width, script of digits, ways to write the
//! same Arabic, Hindi or Japanese letter.

use crate::address::ascii_digit;
use crate::otp::is_separator;

/// What a character is to somebody who looks for words and numbers.
#[derive(Clone, Copy)]
pub(super) enum Glyph {
    /// Nothing anybody sees as a character of its own: controls, direction marks, accents.
    Nothing,
    /// A digit, `0` to `9`.
    Digit(char),
    /// A letter of a script that puts spaces between words.
    Letter(char),
    /// A letter that people also write as two.
    Letters(&'static str),
    /// A letter of a script that puts no spaces between words.
    Unspaced(char),
    /// White space.
    Space,
    /// Anything else; `-` for every dash, `'` for every apostrophe and `、` for every comma but the ASCII one.
    Mark(char),
}

/// Tells what a character is.
pub(super) fn glyph(character: char) -> Glyph {
    match character {
        'a'..='z' => Glyph::Letter(character),
        'A'..='Z' => Glyph::Letter(character.to_ascii_lowercase()),
        '0'..='9' => Glyph::Digit(character),
        '`' => Glyph::Mark('\''),
        '!'..='~' => Glyph::Mark(character),
        ' ' => Glyph::Space,
        _ => beyond_ascii(character),
    }
}

fn beyond_ascii(character: char) -> Glyph {
    match character {
        // The letters of whole blocks first, which is where most characters are.
        '\u{c0}'..='\u{24f}' => latin(character),
        '\u{620}'..='\u{63f}' | '\u{641}'..='\u{64a}' | '\u{671}'..='\u{6d3}' => arabic(character),
        '\u{901}'..='\u{93b}' | '\u{93d}'..='\u{94f}' | '\u{958}'..='\u{961}' => devanagari(character),
        '\u{4e00}'..='\u{9fff}' | '\u{3041}'..='\u{3096}' => Glyph::Unspaced(character),
        _ if is_unseen(character) => Glyph::Nothing,
        _ => ascii_digit(character).map_or_else(|| rare(character), Glyph::Digit),
    }
}

/// What is in none of the large blocks.
fn rare(character: char) -> Glyph {
    match character {
        _ if character.is_whitespace() => Glyph::Space,
        _ if is_separator(character) => Glyph::Mark('-'),
        '，' | '､' | '،' => Glyph::Mark('、'),
        '٬' => Glyph::Mark(','),
        '٫' => Glyph::Mark('.'),
        '’' | '‘' | '‛' | 'ʼ' | '´' | '′' => Glyph::Mark('\''),
        '￠' => Glyph::Mark('¢'),
        '￡' => Glyph::Mark('£'),
        '￥' => Glyph::Mark('¥'),
        '￦' => Glyph::Mark('₩'),
        // The full-width forms of ASCII, in its order.
        '！'..='～' => shifted(character, 0xfee0).map_or(Glyph::Nothing, glyph),
        'ァ'..='ヶ' => shifted(character, 0x60).map_or(Glyph::Nothing, Glyph::Unspaced),
        _ if is_unspaced(character) => Glyph::Unspaced(character),
        _ => letter_or_mark(character),
    }
}

fn shifted(character: char, by: u32) -> Option<char> {
    char::from_u32(u32::from(character) - by)
}

fn letter_or_mark(character: char) -> Glyph {
    let lower = character.to_lowercase().next().unwrap_or(character);
    if is_letter(lower) { Glyph::Letter(lower) } else { Glyph::Mark(character) }
}

/// Whether this is a letter, or a sign within a word, of a script that puts spaces between words. The signs that
/// silence a vowel are not letters to Unicode, and no word ends at one.
pub(super) fn is_letter(character: char) -> bool {
    let silencer = matches!(
        character,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d4d}'
    );
    (character.is_alphabetic() && !is_unspaced(character)) || silencer
}

/// Whether this is a letter of a script that puts no spaces between words, or puts none around numbers: Chinese,
/// Japanese, Korean, Thai, Lao, Tibetan, Burmese, Khmer.
pub(super) fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '々'..='〇' | '\u{3041}'..='\u{30fa}' | '\u{30fc}'..='\u{318f}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

/// Controls, direction marks, joiners, variation selectors, combining accents, Arabic vowels and the stretching stroke.
pub(super) fn is_unseen(character: char) -> bool {
    (character.is_control() && !character.is_whitespace())
        || matches!(character,
            '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
            | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{93c}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn latin(character: char) -> Glyph {
    let lower = character.to_lowercase().next().unwrap_or(character);
    Glyph::Letter(match lower {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ð' | 'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => 'i',
        'ĺ' | 'ļ' | 'ľ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'ơ' => 'o',
        'ŕ' | 'ŗ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => 's',
        'ţ' | 'ť' | 'ț' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ß' => return Glyph::Letters("ss"),
        'æ' => return Glyph::Letters("ae"),
        'œ' => return Glyph::Letters("oe"),
        '×' | '÷' => return Glyph::Mark(lower),
        other => other,
    })
}

fn arabic(character: char) -> Glyph {
    match character {
        'أ' | 'إ' | 'آ' | 'ٱ' => Glyph::Letter('ا'),
        'ى' | 'ئ' | 'ی' => Glyph::Letter('ي'),
        'ؤ' => Glyph::Letter('و'),
        'ة' => Glyph::Letter('ه'),
        'ک' => Glyph::Letter('ك'),
        'ء' => Glyph::Nothing,
        _ => Glyph::Letter(character),
    }
}

fn devanagari(character: char) -> Glyph {
    /// What the letters that carry their dot with them are without it, from U+0958.
    const DOTLESS: [char; 8] = ['क', 'ख', 'ग', 'ज', 'ड', 'ढ', 'फ', 'य'];
    match character {
        'ँ' => Glyph::Letter('ं'),
        '\u{958}'..='\u{95f}' => {
            let place = usize::try_from(u32::from(character) - 0x958).unwrap_or_default();
            Glyph::Letter(DOTLESS[place])
        }
        _ => Glyph::Letter(character),
    }
}
