//! A spec written from containers that are there: `bayplan import`.
//!
//! Every row has its way back from inspect data ([`crate::options::Row::spell`]). A set begins with
//! nothing; each row that reads otherwise from the container than from what the set so far would
//! make is declared, and in the end everything is left out that is so without it. So a spec says
//! nothing that the image or the engine gives anyway, and what it says is true by construction:
//! a plan of it against the same look is empty.
//!
//! Looking at an engine is [`crate::engine`]'s, and what of a look may be shown
//! [`crate::seal`]'s: what it hid is not here to be written.

mod choice;
mod document;
mod image;
mod pick;
mod trial;
mod write;

pub use choice::Choices;
pub use document::{Imported, import};
pub use pick::{Chosen, Pick, Picked, Refusal, pick};
