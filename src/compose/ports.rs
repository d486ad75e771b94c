//! The short form of a published port, `ADDRESS:PUBLISHED:TARGET/PROTOCOL`, with ranges.

use super::tree::{map, text};
use crate::base::say;
use crate::syntax::node::{Kind, Node, Place, Problem, Problems};

/// The long forms of one entry; a range has several.
pub(super) fn parsed(spec: &str, place: Place, problems: &mut Problems) -> Option<Vec<Node>> {
    match read(spec, place, problems) {
        Ok(ports) => Some(ports),
        Err(found) => {
            problems.all.push(Problem {
                place,
                message: format!(
                    "expected a port like `8080:80` or `127.0.0.1:8080:80/udp`, but found `{}`, \
                     with {found}",
                    say::short(spec),
                ),
                hint: None,
            });
            None
        }
    }
}

fn read(spec: &str, place: Place, problems: &mut Problems) -> Result<Vec<Node>, &'static str> {
    // Only the container port has a protocol.
    let (before, own) =
        spec.rsplit_once(':').map_or((None, spec), |(before, own)| (Some(before), own));
    let (port, protocol) = own.split_once('/').unwrap_or((own, "tcp"));
    let spec = before.map_or_else(|| port.to_owned(), |before| format!("{before}:{port}"));
    let spec = spec.as_str();
    let (address, published, target) = parts(spec)?;
    let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol.to_lowercase() };
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err("another protocol than `tcp`, `udp` and `sctp`");
    }
    if target.is_empty() {
        return Err("no port of the container");
    }
    let address = address.trim_start_matches('[').trim_end_matches(']');
    if !address.is_empty() && address.parse::<std::net::IpAddr>().is_err() {
        return Err("an address that is none");
    }
    let (first, last) = range(target)?;
    let outside = if published.is_empty() { None } else { Some(range(published)?) };
    let inside = last - first;
    let dynamic = outside.filter(|(start, end)| end - start != inside);
    if dynamic.is_some() && inside > 0 {
        return Err("ranges of different lengths");
    }
    if !problems.may_add(usize::from(inside) + 1, place) {
        return Ok(Vec::new());
    }
    let mut numbered: Vec<(String, Node)> = (0..=inside)
        .map(|step| {
            let target = (first + step).to_string();
            let published = match (outside, dynamic) {
                (None, _) => None,
                // One container port with a range of host ports: the engine chooses a free host
                // port.
                (Some(_), Some((start, end))) => Some(format!("{start}-{end}")),
                (Some((start, _)), None) => Some((start + step).to_string()),
            };
            let mut entries = vec![("mode", text(place, "ingress"))];
            if !address.is_empty() {
                entries.push(("host_ip", text(place, address)));
            }
            let number = Node { place, kind: Kind::Number(target.clone()) };
            entries.push(("target", number));
            entries.extend(published.map(|port| ("published", text(place, port))));
            entries.push(("protocol", text(place, protocol.clone())));
            (format!("{target}/{protocol}"), map(place, entries))
        })
        .collect();
    // Compose sorts the ports as texts.
    numbered.sort_by(|one, two| one.0.cmp(&two.0));
    Ok(numbered.into_iter().map(|(_, port)| port).collect())
}

/// Address, host ports and container ports; each part may be empty.
fn parts(spec: &str) -> Result<(&str, &str, &str), &'static str> {
    let Some((rest, target)) = spec.rsplit_once(':') else { return Ok(("", "", spec)) };
    let Some((address, published)) = rest.rsplit_once(':') else { return Ok(("", rest, target)) };
    let bracketed = address.starts_with('[') && address.ends_with(']');
    if address.contains(':') && !bracketed {
        return Err("an address of colons without brackets");
    }
    Ok((address, published, target))
}

fn range(text: &str) -> Result<(u16, u16), &'static str> {
    let number = |text: &str| text.parse::<u16>().map_err(|_| "a port that is no number to 65535");
    let (start, end) = match text.split_once('-') {
        Some((start, end)) => (number(start)?, number(end)?),
        None => (number(text)?, number(text)?),
    };
    if start > end { Err("a range that ends before it begins") } else { Ok((start, end)) }
}
