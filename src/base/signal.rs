//! Signals by name and number, in Linux's numbering for the architectures that engines run on.
//!
//! Which signals an option accepts is decided by its option row.

/// The names of the signals, from 1 on.
pub const NAMES: &[&str] = &[
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The highest signal number, a real-time signal.
pub const MOST: u8 = 64;

/// The first real-time signal for programs.
const FIRST_REAL_TIME: u8 = 34;

/// The largest offset in the name of a real-time signal, such as `RTMIN+15`.
const FARTHEST: u8 = 15;

/// The name in capitals without `SIG`; a number stays a number.
pub fn bare(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    upper.strip_prefix("SIG").map(str::to_owned).unwrap_or(upper)
}

/// The name for a number: 15 gives `TERM`.
pub fn name(number: u8) -> Option<&'static str> {
    NAMES.get(usize::from(number.checked_sub(1)?)).copied()
}

/// The number of a signal in any notation: `TERM`, `SIGTERM`, `15`, `RTMIN+3`.
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
