//! A plan for people: in words, as Markdown, and what differs between two.

mod besides;
pub mod diff;
pub mod markdown;
pub mod reason_text;
pub mod text;
pub mod told;
pub mod undo;
pub mod view;
