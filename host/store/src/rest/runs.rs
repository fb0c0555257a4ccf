//! Rows that may go together: one statement writes one table, the same columns of each row, and no row
//! twice.

use crate::tables::{Row, Table};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashSet};

/// A request has at most so many rows, and ends with the row that makes it longer than so many bytes: the
/// gateway takes no request of any length, and no statement may take for ever.
const ROWS: usize = 500;
const BYTES: usize = 512 << 10;

pub(super) struct Run<'a> {
    pub(super) table: Table,
    columns: BTreeSet<&'a str>,
    keys: HashSet<String>,
    rows: Vec<String>,
    bytes: usize,
}

/// In the order of the rows: what belongs to a conversation comes after it.
pub(super) fn of(rows: &[Row]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for row in rows {
        let columns: BTreeSet<&str> = row.values.keys().map(String::as_str).collect();
        let key = key(row.table, &row.values);
        match runs.last_mut() {
            Some(run) if run.takes(row.table, &columns, &key) => run.add(key, &row.values),
            _ => {
                let mut run =
                    Run { table: row.table, columns, keys: HashSet::new(), rows: Vec::new(), bytes: 0 };
                run.add(key, &row.values);
                runs.push(run);
            }
        }
    }
    runs
}

/// By this a row is known among those of its table.
pub(super) fn key(table: Table, values: &Map<String, Value>) -> String {
    let values = table.key().iter().map(|column| values.get(*column).unwrap_or(&Value::Null).to_string());
    values.collect::<Vec<_>>().join(",")
}

impl Run<'_> {
    fn takes(&self, table: Table, columns: &BTreeSet<&str>, key: &str) -> bool {
        let has_room = self.rows.len() < ROWS && self.bytes < BYTES;
        has_room && self.table == table && self.columns == *columns && !self.keys.contains(key)
    }

    fn add(&mut self, key: String, values: &Map<String, Value>) {
        let row = crate::sql::storable(&Value::Object(values.clone())).to_string();
        self.bytes += row.len();
        self.rows.push(row);
        self.keys.insert(key);
    }

    pub(super) fn columns(&self) -> String {
        self.columns.iter().copied().collect::<Vec<_>>().join(",")
    }

    pub(super) fn body(&self) -> String {
        format!("[{}]", self.rows.join(","))
    }
}
