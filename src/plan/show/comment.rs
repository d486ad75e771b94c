//! Fits a comment into the size limit of a forge. Each part is complete or shortened at its end,
//! and the comment says how much was left out.
//!
//! Important parts get room first, and all plans get the same share. The text of the parts is made
//! in [`super::markdown`].

use std::collections::BTreeMap;

/// The size of a comment; forges allow 65,536 characters.
pub(super) const MOST: usize = 65_000;
/// The note at the end of a shortened comment.
const CUT: &str = "\n**Cut here**: `bayplan show` prints all of it.\n";

/// Room for the note about omitted plans.
const MORE: usize = 40;

/// The kinds of parts, in the order in which they get room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Matter {
    /// A title, or other text that is always shown.
    Head,
    /// A dangerous change.
    Danger,
    /// Any other change.
    Harmless,
    /// A warning, or a reference that is assumed to be unchanged.
    Warning,
    /// The details of a change.
    Detail,
    /// A difference that is left.
    Left,
    /// A step.
    Step,
}

impl Matter {
    /// The kinds that may be shortened, the most important first.
    const ROOM: [Self; 6] =
        [Self::Danger, Self::Harmless, Self::Warning, Self::Detail, Self::Left, Self::Step];
}

/// One item of a part, with its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// The text.
    pub(super) text: String,
    /// How many things the item stands for.
    pub(super) number: usize,
    /// The kinds of danger in the item.
    pub(super) kinds: Vec<&'static str>,
}

impl Item {
    /// A line that stands for one thing.
    pub(super) fn line(text: &str) -> Self {
        Self { text: format!("{text}\n"), number: 1, kinds: Vec::new() }
    }
}

/// One part of the comment on one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The kind of the part.
    pub(super) matter: Matter,
    /// The text before the items.
    pub(super) open: String,
    /// The items of the part.
    pub(super) items: Vec<Item>,
    /// The text after the items.
    pub(super) close: &'static str,
}

impl Part {
    /// A text that is always shown.
    pub(super) fn head(text: String) -> Self {
        Self { matter: Matter::Head, open: text, items: Vec::new(), close: "" }
    }

    /// The note about omitted items.
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

    /// The size of the part without items.
    fn frame(&self) -> usize {
        self.open.len() + self.close.len() + self.rest(&self.items).len()
    }

    fn all(&self) -> usize {
        self.items.iter().map(|item| item.text.len()).sum()
    }

    /// How many of the first items fit into the room, and their size.
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
    // A text has at least as many bytes as characters, so counting bytes is safe.
    let most = MOST - first.len() - CUT.len();
    // A blank line ends the HTML block of the plan before; each plan counts one.
    let frame = |parts: &Vec<Part>| 1 + parts.iter().map(Part::frame).sum::<usize>();
    let frames = |plans: &[Vec<Part>]| plans.iter().map(frame).sum::<usize>();
    let mut is_cut = false;
    // For very many plans even the empty parts are too large; the least important parts are dropped
    // first.
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
        taken += frame(parts);
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
        out.push_str(if plan > 0 { "\n" } else { "" });
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

/// Divides room among several needs: a small need is met in full, and the larger needs share the
/// rest.
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
