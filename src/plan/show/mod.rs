//! Views of a plan for people: text, Markdown, HTML and charts, and the difference between two
//! plans.

mod about;
mod besides;
mod comment;
pub mod diff;
mod diff_items;
pub mod diff_text;
pub mod estimate;
pub mod graph;
pub mod html;
pub mod markdown;
pub mod mermaid;
pub mod model;
pub mod names;
pub mod page;
pub mod planned;
pub mod reason_text;
mod step_text;
pub mod text;
pub mod told;
pub mod undo;
pub mod why;

pub use about::About;
