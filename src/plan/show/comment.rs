//! A comment made of parts, each of which is whole or counted: what there is no room for is left out
//! from the ends, and how much that is gets said.
//!
//! Room goes to what matters first, and within that to all plans alike. What the parts say is
//! [`super::markdown`]'s.

use std::collections::BTreeMap;

/// A comment may have 65,536 characters.
pub(super) const MOST: usize = 65_000;
/// What is said at the end where something is left out.
const CUT: &str = "\n**Cut here**: `bayplan show` prints all of it.\n";

/// Room for what says how many plans are left out.
const MORE: usize = 40;

/// What a part is about, in the order in which parts get room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Matter {
    /// A title and what else is always there.
    Head,
    /// A dangerous change.
    Danger,
    /// Any other change.
    Harmless,
    /// A warning, or what is taken for unchanged.
    Warning,
    /// The details of a change.
    Detail,
    /// What is left as it is.
    Left,
    /// A step.
    Step,
}

impl Matter {
    /// All that may be left out, what matters first.
    const ROOM: [Self; 6] =
        [Self::Danger, Self::Harmless, Self::Warning, Self::Detail, Self::Left, Self::Step];
}

/// One item of a part, with its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// The text.
    pub(super) text: String,
    /// How many things it stands for.
    pub(super) number: usize,
    /// Their kinds of danger.
    pub(super) kinds: Vec<&'static str>,
}

impl Item {
    /// A line that stands for one thing.
    pub(super) fn line(text: &str) -> Self {
        Self { text: format!("{text}\n"), number: 1, kinds: Vec::new() }
    }
}

/// A part of what is said of one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// What it is about.
    pub(super) matter: Matter,
    /// What stands before its items.
    pub(super) open: String,
    /// Its items.
    pub(super) items: Vec<Item>,
    /// What stands behind them.
    pub(super) close: &'static str,
}

impl Part {
    /// A text that is always there.
    pub(super) fn head(text: String) -> Self {
        Self { matter: Matter::Head, open: text, items: Vec::new(), close: "" }
    }

    /// What is said of items that there is no room for.
    fn rest(&self, items: &[Item]) -> String {
        let number: usize = items.iter().map(|item| item.number).sum();
        if number == 0 {
            return String::new();
        }
        match self.matter {
            Matter::Danger => {
                let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
                for (item, kind) in
                    items.iter().flat_map(|it| it.kinds.iter().map(move |kind| (it, kind)))
                {
                    *kinds.entry(kind).or_default() += item.number;
                }
                let kinds =
                    kinds.into_iter().map(|(word, number)| format!("**{word}** of {number}"));
                format!("| {} | {number} more | | |\n", kinds.collect::<Vec<_>>().join("<br>"))
            }
            Matter::Harmless => format!("| – | and {number} more | | |\n"),
            _ => format!("- and {number} more\n"),
        }
    }

    /// What it takes without any item.
    fn frame(&self) -> usize {
        self.open.len() + self.close.len() + self.rest(&self.items).len()
    }

    fn all(&self) -> usize {
        self.items.iter().map(|item| item.text.len()).sum()
    }

    /// How many of its first items fit, and what they take.
    fn fits(&self, room: usize) -> (usize, usize) {
        let mut taken = 0;
        let fit = self.items.iter().take_while(|item| {
            let fits = taken + item.text.len() <= room;
            taken += if fits { item.text.len() } else { 0 };
            fits
        });
        (fit.count(), taken)
    }
}

/// The comment: a first line, then the parts of each plan.
pub(super) fn comment(first: &str, mut plans: Vec<Vec<Part>>) -> String {
    // Bytes are at least as many as characters; counting them errs on the safe side.
    let most = MOST - first.len() - CUT.len();
    let frames = |plans: &[Vec<Part>]| plans.iter().flatten().map(Part::frame).sum::<usize>();
    let mut is_cut = false;
    // Of very many plans even the frames are too much: what matters least goes first.
    for matter in Matter::ROOM.into_iter().rev() {
        if frames(&plans) > most {
            is_cut = true;
            for parts in &mut plans {
                parts.retain(|part| part.matter != matter);
            }
        }
    }
    let all = plans.len();
    let mut taken = MORE;
    let fit = plans.iter().take_while(|parts| {
        taken += parts.iter().map(Part::frame).sum::<usize>();
        taken <= most
    });
    let fit = if frames(&plans) > most { fit.count().max(1) } else { all };
    plans.truncate(fit);
    let dropped = all - plans.len();
    let mut room = most.saturating_sub(frames(&plans));
    let mut shown: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for matter in Matter::ROOM {
        let places = plans.iter().enumerate().flat_map(|(plan, parts)| {
            let parts = parts.iter().enumerate().filter(|(_, part)| part.matter == matter);
            parts.map(move |(place, part)| ((plan, place), part))
        });
        let places: Vec<((usize, usize), &Part)> = places.collect();
        let needs: Vec<usize> = places.iter().map(|(_, part)| part.all()).collect();
        let shares = shares(room, &needs);
        for ((place, part), share) in places.into_iter().zip(shares) {
            let (fit, taken) = part.fits(share);
            shown.insert(place, fit);
            room -= taken;
        }
    }
    let mut out = first.to_owned();
    for (plan, parts) in plans.iter().enumerate() {
        for (place, part) in parts.iter().enumerate() {
            let fit = shown.get(&(plan, place)).copied().unwrap_or_default();
            let (items, rest) = part.items.split_at(fit);
            is_cut |= !rest.is_empty();
            out.push_str(&part.open);
            out.extend(items.iter().map(|item| item.text.as_str()));
            out.push_str(&part.rest(rest));
            out.push_str(part.close);
        }
    }
    if dropped > 0 {
        out.extend(["\nand ", &dropped.to_string(), " more plans\n"]);
    }
    if is_cut || dropped > 0 {
        out.push_str(CUT);
    }
    out
}

/// Room for each of several: who needs less than an equal share gets all of that, and the others
/// share what is left.
fn shares(room: usize, needs: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..needs.len()).collect();
    order.sort_by_key(|place| needs[*place]);
    let mut shares = vec![0; needs.len()];
    let mut left = room;
    for (done, place) in order.iter().enumerate() {
        shares[*place] = needs[*place].min(left / (needs.len() - done));
        left -= shares[*place];
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_shared_by_need() {
        assert_eq!(shares(100, &[10, 500, 500]), [10, 45, 45]);
        assert_eq!(shares(100, &[10, 20, 30]), [10, 20, 30]);
        assert_eq!(shares(10, &[]), [0; 0]);
        assert_eq!(shares(0, &[1]), [0]);
    }

    fn part(matter: Matter, number: usize, text: &str) -> Part {
        let items = (0..number).map(|_| Item::line(text)).collect();
        Part { matter, open: "<\n".to_owned(), items, close: ">\n" }
    }

    #[test]
    fn every_part_is_closed_and_says_what_is_left_out() {
        let long = "x".repeat(100);
        let of = |number| vec![Part::head("# t\n".into()), part(Matter::Detail, number, &long)];
        let text = comment("", vec![of(5_000), of(2), of(5_000)]);
        assert!(text.len() <= MOST && text.len() > MOST - 500, "{}", text.len());
        assert_eq!((text.matches("<\n").count(), text.matches(">\n").count()), (3, 3));
        assert_eq!(text.matches("and 4").count(), 2, "{}", &text[text.len() - 300..]);
        assert!(text.ends_with(CUT));
        assert!(!comment("", vec![of(2)]).contains("Cut here"));
    }

    #[test]
    fn heads_stay_whatever_gives_way() {
        let of = |_| vec![Part::head("# title\n".into()), part(Matter::Step, 100, "step")];
        let text = comment("", (0..3_000).map(of).collect());
        assert_eq!(text.matches("# title").count(), 3_000);
        assert!(text.len() <= MOST, "{}", text.len());
        let text = comment("", (0..10_000).map(of).collect());
        assert!(text.contains(" more plans\n") && text.len() <= MOST, "{}", text.len());
    }
}
