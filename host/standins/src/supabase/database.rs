//! The tables and what is in them. A request is done whole or not at all.

use super::cell::Cell;
use super::query::Query;
use super::refusal::Refusal;
use super::schema::Table;
use axum::http::StatusCode;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// It outlives a server that has it: the next one, on the same port, may be given it too.
#[derive(Clone, Debug, Default)]
pub struct Database(Arc<Mutex<Vec<Kept>>>);

#[derive(Clone, Debug)]
struct Kept {
    table: Table,
    rows: Vec<Vec<Cell>>,
}

/// What becomes of a row whose key is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Conflict {
    Refused,
    Ignored,
    /// Its values that were named are replaced.
    Merged,
}

/// A row of a body: places of columns, and what comes there.
type Given = Vec<(usize, Cell)>;

/// The rows that were changed or found, whole, and their table.
pub(super) struct Rows {
    pub(super) table: Table,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Rows {
    pub(super) fn json(&self, select: &[(usize, bool)]) -> Vec<Value> {
        self.rows.iter().map(|row| Value::Object(self.object(row, select))).collect()
    }

    fn object(&self, row: &[Cell], select: &[(usize, bool)]) -> Map<String, Value> {
        let value = |(place, cast): &(usize, bool)| {
            let (column, cell) = (self.table.columns.get(*place)?, row.get(*place)?);
            Some((column.name.clone(), if *cast { cell.cast() } else { cell.json() }))
        };
        select.iter().filter_map(value).collect()
    }
}

impl Database {
    pub fn new(tables: impl IntoIterator<Item = Table>) -> Self {
        Self(Arc::new(Mutex::new(tables.into_iter().map(|table| Kept { table, rows: Vec::new() }).collect())))
    }

    /// From now on there is this table, without rows; one of that name goes.
    pub fn create_table(&self, table: Table) {
        let mut tables = self.lock();
        tables.retain(|kept| kept.table.name != table.name);
        tables.push(Kept { table, rows: Vec::new() });
    }

    pub fn drop_table(&self, name: &str) {
        self.lock().retain(|kept| kept.table.name != name);
    }

    /// What is in a table that is there, as PostgREST would write it, in the order in which it came.
    pub fn rows(&self, table: &str) -> Vec<Value> {
        let kept = self.lock().iter().find(|kept| kept.table.name == table).cloned();
        kept.map_or_else(Vec::new, |Kept { table, rows }| {
            let whole: Vec<_> = (0..table.columns.len()).map(|place| (place, false)).collect();
            Rows { table, rows }.json(&whole)
        })
    }

    pub(super) fn table(&self, name: &str) -> Result<Table, Refusal> {
        let found = self.lock().iter().find(|kept| kept.table.name == name).map(|kept| kept.table.clone());
        found.ok_or_else(|| Refusal::unknown_table(name))
    }

    pub(super) fn insert(
        &self,
        table: &Table,
        given: &[Given],
        key: &[usize],
        conflict: Conflict,
    ) -> Result<Rows, Refusal> {
        self.change(table, |own, parents| {
            let mut touched = Vec::new();
            let mut written: Vec<Vec<Cell>> = Vec::new();
            for given in given {
                let mut row = vec![Cell::Null; table.columns.len()];
                set(&mut row, given);
                check(table, &row, parents)?;
                let at_key: Vec<Cell> = key.iter().filter_map(|place| row.get(*place).cloned()).collect();
                let same = |there: &&mut Vec<Cell>| same_key(there, key, &at_key);
                let there = own.iter_mut().find(same);
                if conflict == Conflict::Merged && written.contains(&at_key) {
                    return Err(Refusal::second_time());
                }
                written.push(at_key);
                match (there, conflict) {
                    (Some(_), Conflict::Refused) => return Err(duplicate(table)),
                    (Some(_), Conflict::Ignored) => {}
                    (Some(there), Conflict::Merged) => {
                        set(there, given);
                        touched.push(there.clone());
                    }
                    (None, _) => {
                        own.push(row.clone());
                        touched.push(row);
                    }
                }
            }
            Ok(touched)
        })
    }

    pub(super) fn update(&self, table: &Table, query: &Query, given: &Given) -> Result<Rows, Refusal> {
        self.change(table, |own, parents| {
            let mut touched = Vec::new();
            for row in own.iter_mut().filter(|row| query.finds(row)) {
                set(row, given);
                check(table, row, parents)?;
                touched.push(row.clone());
            }
            Ok(touched)
        })
    }

    pub(super) fn select(&self, table: &Table, query: &Query) -> Rows {
        let found = self.lock().iter().find(|kept| kept.table.name == table.name).cloned();
        let mut rows = found.map_or_else(Vec::new, |kept| kept.rows);
        rows.retain(|row| query.finds(row));
        rows.sort_by(|a, b| query.compare(a, b));
        Rows { table: table.clone(), rows }
    }

    pub(super) fn delete(&self, table: &Table, query: &Query) -> Rows {
        let gone = self.select(table, query);
        let mut tables = self.lock();
        let keys = table.key_places();
        let ids: Vec<Cell> = match keys.as_slice() {
            [one] => gone.rows.iter().filter_map(|row| row.get(*one).cloned()).collect(),
            _ => Vec::new(),
        };
        for kept in tables.iter_mut() {
            let parent = kept.table.parent.clone().filter(|parent| parent.table == table.name);
            if kept.table.name == table.name {
                kept.rows.retain(|row| !query.finds(row));
            } else if let Some(place) = parent.and_then(|parent| kept.table.place(&parent.column)) {
                kept.rows.retain(|row| row.get(place).is_none_or(|cell| !ids.contains(cell)));
            }
        }
        gone
    }

    /// Changes a copy of the rows, and keeps it if nothing was refused. The parents' keys are told.
    fn change(
        &self,
        table: &Table,
        change: impl FnOnce(&mut Vec<Vec<Cell>>, Option<&[Cell]>) -> Result<Vec<Vec<Cell>>, Refusal>,
    ) -> Result<Rows, Refusal> {
        let mut tables = self.lock();
        let parent = table.parent.as_ref();
        let parent = parent.and_then(|parent| tables.iter().find(|kept| kept.table.name == parent.table));
        let parents: Option<Vec<Cell>> = parent.map(|kept| {
            let place = kept.table.key_places().first().copied().unwrap_or_default();
            kept.rows.iter().filter_map(|row| row.get(place).cloned()).collect()
        });
        let Some(kept) = tables.iter_mut().find(|kept| kept.table.name == table.name) else {
            return Err(Refusal::unknown_table(&table.name));
        };
        let mut own = kept.rows.clone();
        let touched = change(&mut own, parents.as_deref())?;
        kept.rows = own;
        Ok(Rows { table: table.clone(), rows: touched })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        // nothing that could panic happens under the lock
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set(row: &mut [Cell], given: &Given) {
    for (place, cell) in given {
        if let Some(there) = row.get_mut(*place) {
            *there = cell.clone();
        }
    }
}

fn same_key(row: &[Cell], key: &[usize], cells: &[Cell]) -> bool {
    key.iter().filter_map(|place| row.get(*place)).eq(cells)
}

/// The key is whole, and the row that it belongs to is there.
fn check(table: &Table, row: &[Cell], parents: Option<&[Cell]>) -> Result<(), Refusal> {
    let name = &table.name;
    for key in &table.key {
        if table.place(key).and_then(|place| row.get(place)).is_none_or(|cell| *cell == Cell::Null) {
            let message =
                format!("null value in column \"{key}\" of relation \"{name}\" violates not-null constraint");
            return Err(Refusal::new("23502", message));
        }
    }
    let (Some(parent), Some(parents)) = (&table.parent, parents) else {
        return Ok(());
    };
    let cell = table.place(&parent.column).and_then(|place| row.get(place));
    if cell.is_none_or(|cell| *cell == Cell::Null || parents.contains(cell)) {
        return Ok(());
    }
    let message = format!(
        "insert or update on table \"{name}\" violates foreign key constraint \"{name}_{}_fkey\"",
        parent.column
    );
    let details = format!("Key is not present in table \"{}\".", parent.table);
    Err(Refusal::new("23503", message).with_status(StatusCode::CONFLICT).detailed(details))
}

fn duplicate(table: &Table) -> Refusal {
    let message = format!("duplicate key value violates unique constraint \"{}_pkey\"", table.name);
    Refusal::new("23505", message).with_status(StatusCode::CONFLICT)
}
