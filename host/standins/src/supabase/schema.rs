//! What tables there are. The test says it: nothing is known here of what anybody keeps.

use super::cell::Type;
use super::refusal::Refusal;

#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// The primary key; its columns take no null.
    pub key: Vec<String>,
    /// The table that has to have a row first, and takes this one's rows with it when that goes.
    pub parent: Option<Parent>,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Type,
}

/// A foreign key to a table whose own key is one column, `on delete cascade`.
#[derive(Clone, Debug)]
pub struct Parent {
    pub table: String,
    /// Of this table.
    pub column: String,
}

impl Table {
    pub fn new<'a>(
        name: &str,
        columns: impl IntoIterator<Item = (&'a str, Type)>,
        key: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let column = |(name, kind): (&str, Type)| Column { name: name.to_owned(), kind };
        Self {
            name: name.to_owned(),
            columns: columns.into_iter().map(column).collect(),
            key: key.into_iter().map(str::to_owned).collect(),
            parent: None,
        }
    }

    #[must_use]
    pub fn child_of(self, table: &str, column: &str) -> Self {
        Self { parent: Some(Parent { table: table.to_owned(), column: column.to_owned() }), ..self }
    }

    pub(super) fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|own| own.name == column)
    }

    pub(super) fn readable(&self, column: &str) -> Result<usize, Refusal> {
        self.place(column).ok_or_else(|| Refusal::undefined_column(&self.name, column))
    }

    pub(super) fn writable(&self, column: &str) -> Result<usize, Refusal> {
        self.place(column).ok_or_else(|| Refusal::unknown_column(&self.name, column))
    }

    pub(super) fn key_places(&self) -> Vec<usize> {
        self.key.iter().filter_map(|name| self.place(name)).collect()
    }
}
