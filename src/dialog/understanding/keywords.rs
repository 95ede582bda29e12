//! The keywords of a language, as a file lists them.

use serde::Deserialize;

/// The keyword file that is compiled in for a language (`en`, `es`, ...), for [`Keywords`] to be read from.
#[must_use]
pub fn built_in(language: &str) -> Option<&'static str> {
    Some(match language {
        "ar" => include_str!("ar.toml"),
        "de" => include_str!("de.toml"),
        "en" => include_str!("en.toml"),
        "es" => include_str!("es.toml"),
        "fr" => include_str!("fr.toml"),
        "hi" => include_str!("hi.toml"),
        "it" => include_str!("it.toml"),
        "ja" => include_str!("ja.toml"),
        "pt" => include_str!("pt.toml"),
        "zh" => include_str!("zh.toml"),
        _ => return None,
    })
}

/// A language's keyword file, in TOML. Case, accents and punctuation do not matter in it; `(a|b|)` in an entry stands
/// for `a`, for `b` and for neither.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keywords {
    /// The words for 0 to 9, each with all its forms.
    pub digits: Vec<Vec<String>>,
    /// The words for 10 to 99, each with all its forms, for people who say a code in pairs. None at all, or ninety.
    #[serde(default)]
    pub numbers: Vec<Vec<String>>,
    /// What says that the next digit counts twice: "double".
    #[serde(default)]
    pub double: Vec<String>,
    /// What says that the next digit counts three times: "triple".
    #[serde(default)]
    pub triple: Vec<String>,
    /// What people say around what they mean: "please", "the code is".
    pub fillers: Vec<String>,
    /// What means nothing although there are keywords in it: "don't resend", "cancel my subscription".
    pub nothing: Vec<String>,
    /// How the sign in an address is said: "at". One word each.
    #[serde(default)]
    pub at: Vec<String>,
    /// How the dot in an address is said. One word each.
    #[serde(default)]
    pub dot: Vec<String>,
    /// What people say around an address that they want to be written to, fillers apart: "send it to", "instead".
    #[serde(default)]
    pub addressing: Vec<String>,
    /// What else people wait for, move to or pay: orders, parcels, homes. Beside one of them, phrases ask for a code or
    /// change an address only if they name the code or the e-mail.
    #[serde(default)]
    pub things: Vec<String>,
    /// Other codes than ours: coupons, vouchers. Beside one of them nobody asks for a new code.
    #[serde(default)]
    pub other_codes: Vec<String>,
    /// What names the code in a phrase.
    #[serde(default)]
    pub code: Vec<String>,
    /// What names an e-mail address in a phrase.
    #[serde(default)]
    pub mail: Vec<String>,
    /// A new code is wanted, or none came.
    pub resend: Phrases,
    /// The code should go somewhere else.
    pub change_address: Phrases,
    /// No code is wanted any more.
    pub cancel: Phrases,
    /// A person is asked for.
    pub agent: Phrases,
    /// Yes.
    pub yes: Phrases,
    /// No.
    pub no: Phrases,
}

/// The words for one thing that people ask for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Phrases {
    /// These count anywhere in a text: "send it again".
    pub anywhere: Vec<String>,
    /// These count only if nothing else is said, fillers apart: "again".
    pub alone: Vec<String>,
}
