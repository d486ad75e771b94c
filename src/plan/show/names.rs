//! Names as people read them: cut, made safe, and runs of numbered ones folded.

use super::told;

/// The most characters of one name.
const NAME: usize = 120;

/// A name cut and made safe, in quotes where it reads like several.
pub(super) fn name(text: &str) -> String {
    match text {
        text if text.contains("..") => told::in_quotes(text, NAME),
        text => told::value(text, NAME),
    }
}

/// A name, or a run of numbered ones in one text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folded {
    /// Safe to print: `shop-web-1..3`.
    pub text: String,
    /// How many names it stands for.
    pub number: usize,
}

/// Names in their order, runs of numbered ones folded: `shop-web-1..3`.
pub fn folded<Name: AsRef<str>>(names: &[Name]) -> Vec<Folded> {
    let mut names: Vec<(&str, Option<u32>, &str)> = names
        .iter()
        .map(|name| {
            let name = name.as_ref();
            let stem = name.trim_end_matches(|character: char| character.is_ascii_digit());
            let digits = &name[stem.len()..];
            // Leading zeros would be lost in a range.
            let number = digits.parse().ok().filter(|number: &u32| number.to_string() == digits);
            (stem, number.filter(|_| stem.ends_with(['-', '_'])), name)
        })
        .collect();
    names.sort();
    let mut folded: Vec<Folded> = Vec::new();
    let mut rest = names.as_slice();
    while let [(stem, number, whole), ..] = rest {
        let run = number.map_or(1, |first| {
            rest.iter()
                .zip(u64::from(first)..)
                .take_while(|((other, number, _), wanted)| {
                    other == stem && number.map(u64::from) == Some(*wanted)
                })
                .count()
        });
        let text = match (number, run) {
            (Some(first), 2..) => {
                let last = rest[run - 1].1.unwrap_or(*first);
                format!("{}{first}..{last}", name(stem))
            }
            _ => name(whole),
        };
        folded.push(Folded { text, number: run });
        rest = &rest[run..];
    }
    folded
}

/// So many names are shown one by one.
const MOST: usize = 40;

/// Folded names in a line; of many the first, and how many more there are.
pub fn listed(names: &[Folded]) -> String {
    let (shown, rest) = names.split_at(names.len().min(MOST));
    let more: usize = rest.iter().map(|one| one.number).sum();
    let more = (more > 0).then(|| format!("and {more} more"));
    shown.iter().map(|one| one.text.clone()).chain(more).collect::<Vec<_>>().join(", ")
}

/// All of them in a line.
pub fn joined(names: &[Folded]) -> String {
    names.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_run_counts_for_all_that_it_stands_for() {
        let mut many: Vec<String> = (10..50).map(|number| format!("n{number}x")).collect();
        // Names that read like runs are one name each, whatever numbers are in them.
        many.extend(["z-1", "z-2", "z-3", "z0..18446744073709551615", "z2..9"].map(str::to_owned));
        assert!(listed(&folded(&many)).ends_with("n49x, and 5 more"), "{}", listed(&folded(&many)));
    }

    #[test]
    fn runs_of_members_are_folded() {
        let fold = |names: &[&str]| joined(&folded(names));
        assert_eq!(fold(&["w-3", "w-1", "w-2", "db"]), "db, w-1..3");
        assert_eq!(fold(&["w-9", "w-10", "w-11", "w-13"]), "w-9..11, w-13");
        assert_eq!(fold(&["web1", "web2"]), "web1, web2");
        assert_eq!(fold(&["w-01", "w-02", "w-99999999999"]), "w-01, w-02, w-99999999999");
        assert_eq!(fold(&["w-4294967295", "w-4294967294"]), "w-4294967294..4294967295");
        assert_eq!(fold(&["w-1", "w-1"]), "w-1, w-1");
        // What reads like two names, or like a run, is in quotes.
        assert_eq!(fold(&["a, b", "w-1..3"]), "\"a, b\", \"w-1..3\"");
    }
}
