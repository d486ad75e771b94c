//! Signals by name and by number, as Linux numbers them on every machine that engines run on.
//!
//! What a spec may say of them is the business of the keys that take one.

/// The names of the signals from 1 on.
pub const NAMES: &[&str] = &[
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The highest signal, which is real-time.
pub const MOST: u8 = 64;

/// Where the real-time signals begin that programs may use.
const FIRST_REAL_TIME: u8 = 34;

/// How far from their ends engines know real-time signals by name.
const FARTHEST: u8 = 15;

/// The name in capitals and without `SIG`; a number stays one.
pub fn bare(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    upper.strip_prefix("SIG").map(str::to_owned).unwrap_or(upper)
}

/// The name of a number: of 15, `TERM`.
pub fn name(number: u8) -> Option<&'static str> {
    NAMES.get(usize::from(number.checked_sub(1)?)).copied()
}

/// The number of a signal, however it is said: `TERM`, `SIGTERM`, `15`, `RTMIN+3`.
pub fn number(text: &str) -> Option<u8> {
    let name = bare(text);
    if let Ok(number) = name.parse::<u8>() {
        return (1..=MOST).contains(&number).then_some(number);
    }
    let real_time = |rest: &str| rest.parse().ok().filter(|far| *far <= FARTHEST);
    if let Some(rest) = name.strip_prefix("RTMIN+") {
        return real_time(rest).map(|far: u8| FIRST_REAL_TIME + far);
    }
    if let Some(rest) = name.strip_prefix("RTMAX-") {
        return real_time(rest).map(|far: u8| MOST - far);
    }
    match name.as_str() {
        "RTMIN" => Some(FIRST_REAL_TIME),
        "RTMAX" => Some(MOST),
        _ => (1..).zip(NAMES).find(|(_, known)| **known == name).map(|(number, _)| number),
    }
}

#[cfg(test)]
mod tests {
    use super::{bare, name, number};

    #[test]
    fn one_signal_has_many_names() {
        for text in ["15", "TERM", "term", "SIGTERM", "SigTerm"] {
            assert_eq!(number(text), Some(15), "{text}");
        }
        assert_eq!(name(15), Some("TERM"));
        assert_eq!(bare("sighup"), "HUP");
        assert_eq!(
            (number("RTMIN"), number("RTMIN+3"), number("SIGRTMAX-1")),
            (Some(34), Some(37), Some(63))
        );
        for text in
            ["0", "65", "TERMS", "RTMIN+16", "RTMAX-99", "RTMIN-1", "", "999999999999999999999"]
        {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!((name(0), name(32)), (None, None));
    }
}
