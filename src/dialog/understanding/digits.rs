//! Codes that are typed in digits. People group them ("482 916", "48-29-16", "4, 8, 2, 9, 1, 6"), and type other
//! numbers as well: what stands around a number, and what joins it to the next, tells which it is.

use std::ops::Range;

use super::amount;
use super::candidates::Candidates;
use super::fold::Folded;
use super::glyph::{is_letter, is_unspaced};

/// What joins a run of digits to the one before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Nothing does.
    Apart,
    /// One mark and no space: `-`, `.`, `,`, `/`, `:` or `'`.
    Tight(u8),
    /// Spaces, or a dash between spaces.
    Loose,
    /// A comma and a space.
    Comma,
    /// A closing bracket, as in phone numbers.
    Closed,
    /// An opening one; that joins only what began like a phone number.
    Opened,
}

impl Link {
    fn of(between: &str) -> Self {
        let mark = between.trim_matches(' ');
        let spaces = mark.len() < between.len();
        match mark {
            "" => Self::Loose,
            "-" | "ー" if spaces => Self::Loose,
            // What Japanese keyboards put for a dash.
            "ー" => Self::Tight(b'-'),
            "," if spaces => Self::Comma,
            "、" => Self::Comma,
            "-" | "." | "," | "/" | ":" | "'" if !spaces => Self::Tight(mark.as_bytes()[0]),
            ")" | ")-" | ")." => Self::Closed,
            "(" => Self::Opened,
            _ => Self::Apart,
        }
    }
}

/// What a run of digits can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A code, or part of one.
    Open,
    /// Part of something else, which ends here: a date, a time, an address, a word.
    Taken,
    /// It marks all that it is joined to as something else: a phone number, an amount, a reference number.
    Marking,
}

/// Finds the codes in a text. `little_else` tells whether there is nothing but numbers in it and what people say
/// around a code.
pub(super) fn find(folded: &Folded, candidates: &mut Candidates, little_else: impl Fn() -> bool) {
    if folded.runs.is_empty() {
        return;
    }
    let plain = &*folded.plain;
    // A reference number in a text ("order #482916"); alone it is a code, and so is one that a phone keypad ended.
    let is_numbered = |run: &Range<usize>| plain[..run.start].ends_with('#');
    let refers = folded.has_letters && folded.runs.iter().any(is_numbered) && !little_else();
    let mut standings: Vec<_> =
        folded.runs.iter().map(|run| standing(plain, run, refers && is_numbered(run))).collect();
    take_addresses(folded, &mut standings);
    let mut links = Vec::with_capacity(folded.runs.len());
    links.push(Link::Apart);
    links.extend(folded.runs.windows(2).map(|pair| Link::of(&plain[pair[0].end..pair[1].start])));
    take_amounts(folded, &links, &mut standings);

    let mut list = List { folded, standings: &standings, links: &links, parts: Vec::new() };
    for (place, (link, standing)) in links.iter().zip(&standings).enumerate() {
        if *standing == Standing::Taken {
            list.close(candidates);
            continue;
        }
        match link {
            Link::Tight(b',') | Link::Comma => list.parts.push(place..place + 1),
            Link::Tight(_) | Link::Loose | Link::Closed => list.extend(place),
            Link::Opened if list.is_marked() => list.extend(place),
            Link::Apart | Link::Opened => {
                list.close(candidates);
                list.parts.push(place..place + 1);
            }
        }
    }
    list.close(candidates);
}

/// What the characters around a run make of it.
fn standing(plain: &str, run: &Range<usize>, is_reference: bool) -> Standing {
    let before = plain[..run.start].chars().next_back();
    let after = plain[run.end..].chars().next();
    let either = |is: fn(char) -> bool| before.is_some_and(is) || after.is_some_and(is);
    if either(|mark| is_letter(mark) || matches!(mark, '@' | '/' | '%')) {
        Standing::Taken
    } else if before == Some('+')
        || is_reference
        || either(amount::is_currency)
        || after.is_some_and(is_counter)
    {
        Standing::Marking
    } else {
        Standing::Open
    }
}

/// What follows years and amounts without a space.
pub(super) fn is_counter(letter: char) -> bool {
    matches!(letter, '年' | '년' | '円' | '元' | '圆' | '块' | '원')
}

/// Marks the runs that are part of an e-mail address or a URL.
fn take_addresses(folded: &Folded, standings: &mut [Standing]) {
    let plain = &*folded.plain;
    if !plain.contains(['@', '/']) && !plain.contains("www.") {
        return;
    }
    let apart = |letter: char| {
        is_unspaced(letter) || matches!(letter, ' ' | ',' | ';' | '<' | '>' | '(' | ')' | '"' | '、' | '。')
    };
    let mut place = 0;
    let mut start = 0;
    for token in plain.split_inclusive(apart) {
        let end = start + token.len();
        let taken = token.contains('@') || is_url(token);
        while let Some(run) = folded.runs.get(place).filter(|run| run.start < end) {
            if taken && run.start >= start {
                standings[place] = Standing::Taken;
            }
            place += 1;
        }
        start = end;
    }
}

/// Whether this is a web address, with its scheme or without: `example.com/482916`.
pub(super) fn is_url(token: &str) -> bool {
    let host = token.split_once('/').and_then(|(host, _)| host.rsplit_once('.'));
    token.contains("://")
        || token.starts_with("www.")
        || host.is_some_and(|(_, top)| top.starts_with(is_letter))
}

/// Marks the runs that make up dates, times, fractions and amounts.
fn take_amounts(folded: &Folded, links: &[Link], standings: &mut [Standing]) {
    let tight = |link: Link| matches!(link, Link::Tight(_));
    let mut start = 0;
    while start < links.len() {
        let end = (start + 1..links.len()).find(|next| !tight(links[*next])).unwrap_or(links.len());
        if end > start + 1 {
            let marks: Vec<u8> = links[start + 1..end]
                .iter()
                .filter_map(|link| if let Link::Tight(mark) = link { Some(*mark) } else { None })
                .collect();
            let runs: Vec<&str> =
                folded.runs[start..end].iter().map(|run| &folded.plain[run.clone()]).collect();
            if amount::is_date_or_time(&runs, &marks) || amount::is_amount(&runs, &marks) {
                standings[start..end].fill(Standing::Taken);
            }
        }
        start = end;
    }
}

/// Groups of runs with commas between them; mostly there is just one.
struct List<'a> {
    folded: &'a Folded,
    standings: &'a [Standing],
    links: &'a [Link],
    parts: Vec<Range<usize>>,
}

impl List<'_> {
    fn extend(&mut self, place: usize) {
        match self.parts.last_mut() {
            Some(part) => part.end = place + 1,
            None => self.parts.push(place..place + 1),
        }
    }

    fn is_marked(&self) -> bool {
        self.runs().is_some_and(|runs| self.standings[runs].contains(&Standing::Marking))
    }

    /// All the runs of the list.
    fn runs(&self) -> Option<Range<usize>> {
        Some(self.parts.first()?.start..self.parts.last()?.end)
    }

    fn digits(&self, places: Range<usize>) -> usize {
        self.folded.runs[places].iter().map(Range::len).sum()
    }

    /// Takes the codes of the list and empties it.
    fn close(&mut self, candidates: &mut Candidates) {
        let Some(all) = self.runs() else { return };
        let runs = &self.folded.runs;
        let span = runs[all.start].start..runs[all.end - 1].end;
        let amount = all.len() > 1 && amount::has_currency_beside(&self.folded.plain, &span);
        if !self.is_marked() && !amount {
            let length = candidates.length();
            // What is said in equal parts is one code ("48, 29, 16"); other parts have nothing to do with each other.
            let first = self.parts.first().map_or(0, |part| self.digits(part.clone()));
            if self.digits(all.clone()) == length
                && self.parts.iter().all(|part| self.digits(part.clone()) == first && !self.is_date(part))
            {
                self.add(all, candidates);
            } else {
                for part in self.parts.iter().filter(|part| !self.is_date(part)) {
                    if self.digits(part.clone()) == length {
                        self.add(part.clone(), candidates);
                    } else if runs[part.clone()].iter().all(|run| run.len() == length) {
                        part.clone().for_each(|place| self.add(place..place + 1, candidates));
                    } else if let Some(place) = self.beside_strays(part, length) {
                        self.add(place..place + 1, candidates);
                    }
                }
            }
        }
        self.parts.clear();
    }

    /// Whether only spaces join the runs of a part.
    fn is_spaced(&self, part: &Range<usize>) -> bool {
        self.links[part.start + 1..part.end].iter().all(|link| *link == Link::Loose)
    }

    /// Whether a part is what is left of "May 12 2024" or "12 05 2024".
    fn is_date(&self, part: &Range<usize>) -> bool {
        let Some((year, rest)) = self.folded.runs[part.clone()].split_last() else { return false };
        !rest.is_empty()
            && rest.iter().all(|run| run.len() <= 2)
            && amount::is_year(&self.folded.plain[year.clone()])
            && self.is_spaced(part)
    }

    /// The one run of a code's length beside single digits that are something else: "482916 2 tries left".
    fn beside_strays(&self, part: &Range<usize>, length: usize) -> Option<usize> {
        let runs = &self.folded.runs;
        let place = part.clone().find(|place| runs[*place].len() == length)?;
        let strays = part.clone().all(|other| other == place || runs[other].len() == 1);
        (strays && self.is_spaced(part)).then_some(place)
    }

    fn add(&self, places: Range<usize>, candidates: &mut Candidates) {
        let digits: String =
            self.folded.runs[places].iter().map(|run| &self.folded.plain[run.clone()]).collect();
        candidates.add(&digits);
    }
}
