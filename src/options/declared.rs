//! Rows and declared values with erased types: the items of the table and of a spec.
//!
//! The typed traits are [`mod@super::row`]'s.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::Debug;

use serde_json::Value as Json;

use super::field::At;
use super::fields::Owned;
use super::inspect_view::InspectView;
use super::row::{Body, Context, OptionDef, OptionValue, Row, takes_text};
use super::settings::Settings;
use super::value::{self, Value};
use crate::base::ident::Reference;
use crate::syntax::node::{Node, Problems};

/// A declared option: its row and its value, with the type erased.
pub struct Declared {
    row: &'static dyn AnyRow,
    said: Box<dyn AnySaid>,
}

/// A declared value with the type erased.
trait AnySaid: Any + Send + Sync {
    fn print(&self) -> Json;
    fn references(&self, out: &mut BTreeSet<Reference>);
    fn targets(&self, out: &mut Vec<String>);
    fn boxed_clone(&self) -> Box<dyn AnySaid>;
    fn as_any(&self) -> &dyn Any;
}

impl<S: OptionValue> AnySaid for S {
    fn print(&self) -> Json {
        OptionValue::print(self)
    }
    fn references(&self, out: &mut BTreeSet<Reference>) {
        OptionValue::references(self, out);
    }
    fn targets(&self, out: &mut Vec<String>) {
        OptionValue::targets(self, out);
    }
    fn boxed_clone(&self) -> Box<dyn AnySaid> {
        Box::new(self.clone())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Declared {
    /// The row of the option.
    pub fn row(&self) -> &'static dyn AnyRow {
        self.row
    }

    /// The canonical form of the value.
    pub fn print(&self) -> Json {
        self.said.print()
    }

    /// Writes the value into a create body.
    pub fn write(&self, body: &mut Body, cx: &Context) {
        self.row.write(self, body, cx);
    }

    /// Adds the references in the value.
    pub fn references(&self, out: &mut BTreeSet<Reference>) {
        self.said.references(out);
        if value::TEMPLATES.iter().any(|(key, _)| *key == self.row.def().key) {
            value::marked_references(&self.said.print(), out);
        }
    }

    /// Adds the containers or sets that the value names.
    pub fn targets(&self, out: &mut Vec<String>) {
        self.said.targets(out);
    }

    /// The value, if it has this type: rules across options read values so.
    pub fn said<S: OptionValue>(&self) -> Option<&S> {
        self.said.as_any().downcast_ref()
    }
}

impl Clone for Declared {
    fn clone(&self) -> Self {
        Self { row: self.row, said: self.said.boxed_clone() }
    }
}

impl PartialEq for Declared {
    fn eq(&self, other: &Self) -> bool {
        self.row.def().key == other.row.def().key && self.print() == other.print()
    }
}

impl Debug for Declared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.row.def().key, self.print())
    }
}

/// A row with the types erased: an item of the table.
pub trait AnyRow: Sync + 'static {
    /// See [`Row::def`].
    fn def(&self) -> &OptionDef;
    /// See [`Row::fields`].
    fn fields(&self) -> Vec<Owned>;
    /// See [`OptionValue::parse`].
    fn parse(&self, node: &Node, problems: &mut Problems) -> Option<Declared>;
    /// See [`OptionValue::schema`].
    fn schema(&self) -> Json;
    /// Whether an empty text means "not set", as in Compose. This holds for rows that take texts
    /// but have no empty value.
    fn takes_empty_for_nothing(&self) -> bool;
    /// See [`Row::write`].
    fn write(&self, declared: &Declared, body: &mut Body, cx: &Context);
    /// See [`Row::read`].
    fn read(&self, look: &InspectView) -> Value;
    /// See [`Row::to_spec`].
    fn to_spec(&self, look: &InspectView) -> Json;
    /// See [`Row::vet`].
    fn vet(&self, declared: &Declared, cx: &Context) -> Result<(), String>;
    /// See [`Row::normalize_pair`].
    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    );
    /// See [`Row::without_more`].
    fn without_more(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    );
    /// See [`Row::decided_by_fields`].
    fn decided_by_fields(&self) -> Option<&[At]>;
    /// See [`Row::update`].
    fn update(&self, expected: &InspectView) -> Option<Settings>;
}

impl<R: Row> AnyRow for R {
    fn def(&self) -> &OptionDef {
        Row::def(self)
    }

    fn fields(&self) -> Vec<Owned> {
        Row::fields(self)
    }

    fn parse(&self, node: &Node, problems: &mut Problems) -> Option<Declared> {
        let said = R::Declared::parse(node, problems)?;
        let row = super::row(Row::def(self).key)?;
        Some(Declared { row, said: Box::new(said) })
    }

    fn schema(&self) -> Json {
        R::Declared::schema()
    }

    fn takes_empty_for_nothing(&self) -> bool {
        !R::Declared::EMPTY_IS_A_VALUE && takes_text(&R::Declared::schema())
    }

    fn write(&self, declared: &Declared, body: &mut Body, cx: &Context) {
        if let Some(said) = declared.said::<R::Declared>() {
            Row::write(self, said, body, cx);
        }
    }

    fn read(&self, look: &InspectView) -> Value {
        Row::read(self, look)
    }

    fn to_spec(&self, look: &InspectView) -> Json {
        Row::to_spec(self, look)
    }

    fn vet(&self, declared: &Declared, cx: &Context) -> Result<(), String> {
        declared.said::<R::Declared>().map_or(Ok(()), |said| Row::vet(self, said, cx))
    }

    fn normalize_pair(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        Row::normalize_pair(self, expected, found, both);
    }

    fn without_more(
        &self,
        expected: &mut Value,
        found: &mut Value,
        both: (&InspectView, &InspectView),
    ) {
        Row::without_more(self, expected, found, both);
    }

    fn decided_by_fields(&self) -> Option<&[At]> {
        Row::decided_by_fields(self)
    }

    fn update(&self, expected: &InspectView) -> Option<Settings> {
        Row::update(self, expected)
    }
}
