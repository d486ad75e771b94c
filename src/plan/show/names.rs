//! Names as people read them: cut, made safe, and runs of numbered ones folded.

use super::told;

/// The most characters of one name.
const NAME: usize = 120;

/// A name cut and made safe.
pub(super) fn name(text: &str) -> String {
    told::ends(text, NAME)
}

/// Names in their order, runs of numbered ones folded: `shop-web-1..3`.
pub fn folded<Name: AsRef<str>>(names: &[Name]) -> Vec<String> {
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
    let mut folded: Vec<String> = Vec::new();
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
        folded.push(match (number, run) {
            (Some(first), 2..) => {
                let last = rest[run - 1].1.unwrap_or(*first);
                format!("{}{first}..{last}", name(stem))
            }
            _ => name(whole),
        });
        rest = &rest[run..];
    }
    folded
}

/// So many names are shown one by one.
const MOST: usize = 40;

/// Folded names in a line; of many the first, and how many more there are.
pub fn listed(names: &[String]) -> String {
    let (shown, rest) = names.split_at(names.len().min(MOST));
    let more: u64 = rest.iter().map(|name| stands_for(name)).sum();
    let more = (more > 0).then(|| format!("and {more} more"));
    shown.iter().cloned().chain(more).collect::<Vec<_>>().join(", ")
}

/// How many names a folded one stands for: `shop-web-1..3`.
fn stands_for(name: &str) -> u64 {
    let run = name.rsplit_once("..").and_then(|(first, last)| {
        let digits = first.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (first, last): (u64, u64) = (first[digits..].parse().ok()?, last.parse().ok()?);
        Some(last.checked_sub(first)? + 1)
    });
    run.unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_run_counts_for_all_that_it_stands_for() {
        assert_eq!(
            ["web", "web-1..3", "web-9..12", "a..b", "1.."].map(stands_for),
            [1, 3, 4, 1, 1]
        );
        let mut many: Vec<String> = (0..50).map(|number| format!("n{number}x")).collect();
        many.push("web-1..3".to_owned());
        assert!(listed(&many).ends_with("n39x, and 13 more"), "{}", listed(&many));
    }

    #[test]
    fn runs_of_members_are_folded() {
        let fold = |names: &[&str]| folded(names).join(", ");
        assert_eq!(fold(&["w-3", "w-1", "w-2", "db"]), "db, w-1..3");
        assert_eq!(fold(&["w-9", "w-10", "w-11", "w-13"]), "w-9..11, w-13");
        assert_eq!(fold(&["web1", "web2"]), "web1, web2");
        assert_eq!(fold(&["w-01", "w-02", "w-99999999999"]), "w-01, w-02, w-99999999999");
        assert_eq!(fold(&["w-4294967295", "w-4294967294"]), "w-4294967294..4294967295");
        assert_eq!(fold(&["w-1", "w-1"]), "w-1, w-1");
    }
}
