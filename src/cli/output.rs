//! The one place that writes to stdout: data. Everything else goes to stderr.

use std::io::{self, IsTerminal as _, Write as _};

use super::args::{Color, Global};
use super::report::{Exit, Failure};

/// Writes data to stdout. A reader that has enough (`| head`) is no error.
pub fn data(text: &str) -> Result<(), Failure> {
    bytes(text.as_bytes())
}

/// The same, of a file that is to be stdout.
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Error, "writing to stdout").caused_by(error))
        }
        _ => Ok(()),
    }
}

/// Writes a line to stderr; that nobody reads it is no error.
pub fn note(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "{text}");
}

/// Whether what goes to stdout may be coloured.
pub fn colour(global: &Global) -> bool {
    match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
                && io::stdout().is_terminal()
        }
    }
}
