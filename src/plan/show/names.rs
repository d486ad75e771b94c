//! Names for views: shortened, made safe, and with numbered names folded.

use super::told;

/// The longest name, in characters.
const NAME: usize = 120;

/// A name, shortened and made safe; in quotes if the name looks like several names.
pub(super) fn name(text: &str) -> String {
    match text {
        text if text.contains("..") => told::in_quotes(text, NAME),
        text => told::value(text, NAME),
    }
}

/// A name, or a run of numbered names as one text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folded {
    /// Safe to print: `shop-web-1..3`.
    pub text: String,
    /// The number of names in the text.
    pub number: usize,
}

/// The names in order, with runs of numbered names folded: `shop-web-1..3`.
pub fn folded<Name: AsRef<str>>(names: &[Name]) -> Vec<Folded> {
    let mut names: Vec<(&str, Option<u32>, &str)> = names
        .iter()
        .map(|name| {
            let name = name.as_ref();
            let stem = name.trim_end_matches(|character: char| character.is_ascii_digit());
            let digits = &name[stem.len()..];
            // A number with leading zeros would lose the zeros in a range.
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

/// The largest number of names that are listed.
const MOST: usize = 40;

/// Folded names in one line; with many names, the first names and the number of further names.
pub fn listed(names: &[Folded]) -> String {
    let (shown, rest) = names.split_at(names.len().min(MOST));
    let more: usize = rest.iter().map(|one| one.number).sum();
    let more = (more > 0).then(|| format!("and {more} more"));
    shown.iter().map(|one| one.text.clone()).chain(more).collect::<Vec<_>>().join(", ")
}

/// All names in one line.
pub fn joined(names: &[Folded]) -> String {
    names.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_run_counts_for_all_that_it_stands_for() {
        let mut many: Vec<String> = (10..50).map(|number| format!("n{number}x")).collect();
        // A name that looks like a run is one name, whatever numbers are in the name.
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
        // A name that looks like two names or like a run is quoted.
        assert_eq!(fold(&["a, b", "w-1..3"]), "\"a, b\", \"w-1..3\"");
    }
}
