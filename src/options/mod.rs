//! The option table: every option that a spec can declare, one row each.
//!
//! Parser, create body, reasons, JSON Schema, the README's table and the row tests come from it.
//! Adding an option touches one file of rows, and its line here.

pub mod canon;
mod durations;
pub mod environment;
pub mod field;
pub mod process;
pub mod resources;
pub mod row;
mod sizes;
mod words;

pub use row::{About, AnyRow, Body, Change, Context, Declared, Group, Mode, Row, Say};

/// Every row, in the order of the documentation and of create bodies.
pub static ROWS: &[&dyn AnyRow] = &[
    // Process.
    &process::COMMAND,
    &environment::EnvironmentRow,
    &process::TTY,
    &process::STDIN_OPEN,
    // Resources.
    &resources::MEM_LIMIT,
];

/// The row with this key.
pub fn row(key: &str) -> Option<&'static dyn AnyRow> {
    ROWS.iter().copied().find(|row| row.about().key == key)
}

/// The row that a spec's word means: its key or one of its aliases.
pub fn row_by_word(word: &str) -> Option<&'static dyn AnyRow> {
    ROWS.iter().copied().find(|row| {
        let about = row.about();
        about.key == word || about.aliases.contains(&word)
    })
}
