//! Statements, out of the names of our tables and columns and nothing else; whatever comes from outside is
//! bound.

use super::dialect::{Bound, Dialect, bound};
use crate::backend::{Condition, Select, Test};
use crate::tables::{Column, Row, Table};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// PostgreSQL takes 65535 values in a statement, SQLite 32766.
const MOST_VALUES: usize = 4000;

pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) bound: Vec<Bound>,
    pub(super) reads: bool,
}

/// A statement under way.
struct Draft {
    dialect: Dialect,
    bound: Vec<Bound>,
}

impl Draft {
    fn new(dialect: Dialect) -> Self {
        Self { dialect, bound: Vec::new() }
    }

    fn place(&mut self, column: Column, value: &Value) -> Result<String, String> {
        self.bound.push(bound(column, value)?);
        Ok(self.dialect.place(column, self.bound.len()))
    }

    fn finish(self, sql: String) -> Statement {
        Statement { sql, bound: self.bound, reads: false }
    }
}

/// Rows of one table that name the same columns go into one statement, as long as none comes twice. What
/// others belong to goes first; rows of the same key stay in their order.
pub(super) fn write(dialect: Dialect, rows: &[Row]) -> Result<Vec<Statement>, String> {
    let mut statements = Vec::new();
    for table in Table::ALL {
        let of_table: Vec<&Row> = rows.iter().filter(|row| row.table == table).collect();
        let mut rest = of_table.as_slice();
        while let Some((first, _)) = rest.split_first() {
            let (group, after) = rest.split_at(group(table, first, rest)?);
            statements.push(upsert(dialect, table, first, group)?);
            rest = after;
        }
    }
    Ok(statements)
}

/// How many of these go together with the first.
fn group(table: Table, first: &Row, rows: &[&Row]) -> Result<usize, String> {
    let mut keys = HashSet::new();
    let most = (MOST_VALUES / first.values.len().max(1)).max(1);
    for (index, row) in rows.iter().enumerate().take(most) {
        let mut key = Vec::new();
        for name in table.key() {
            let value = row.values.get(*name).filter(|value| !value.is_null());
            let value = value.ok_or_else(|| format!("a row of {} without {name}", table.name()))?;
            key.push(value.to_string().to_lowercase());
        }
        if !row.values.keys().eq(first.values.keys()) || !keys.insert(key) {
            return Ok(index);
        }
    }
    Ok(rows.len().min(most))
}

fn upsert(dialect: Dialect, table: Table, first: &Row, rows: &[&Row]) -> Result<Statement, String> {
    let columns: Vec<Column> =
        first.values.keys().map(|name| named(table, name)).collect::<Result<_, _>>()?;
    let names = |columns: &[Column]| columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let mut draft = Draft::new(dialect);
    let mut tuples = Vec::new();
    for row in rows {
        let places: Vec<String> = columns
            .iter()
            .map(|column| draft.place(*column, row.values.get(column.name).unwrap_or(&Value::Null)))
            .collect::<Result<_, _>>()?;
        tuples.push(format!("({})", places.join(", ")));
    }
    let replaced: Vec<String> = columns
        .iter()
        .filter(|column| !table.key().contains(&column.name))
        .map(|column| format!("{0} = excluded.{0}", column.name))
        .collect();
    let known = match replaced.is_empty() {
        true => "NOTHING".to_owned(),
        false => format!("UPDATE SET {}", replaced.join(", ")),
    };
    let sql = format!(
        "INSERT INTO {} ({}) VALUES {} ON CONFLICT ({}) DO {known}",
        table.name(),
        names(&columns),
        tuples.join(", "),
        table.key().join(", "),
    );
    Ok(draft.finish(sql))
}

pub(super) fn select(dialect: Dialect, select: &Select) -> Result<Statement, String> {
    let mut draft = Draft::new(dialect);
    let table = select.table;
    let mut sql = format!("SELECT {} FROM {}", dialect.object(table), table.name());
    sql.push_str(&met(&mut draft, table, &select.conditions)?);
    let order: Vec<String> = select
        .order
        .iter()
        .map(|(name, down)| {
            let column = named(table, name)?;
            let said = dialect.comparable(column, column.name.to_owned());
            Ok(format!("{said} {}", if *down { "DESC" } else { "ASC" }))
        })
        .collect::<Result<_, String>>()?;
    if !order.is_empty() {
        sql.push_str(&format!(" ORDER BY {}", order.join(", ")));
    }
    if let Some(limit) = select.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    Ok(Statement { reads: true, ..draft.finish(sql) })
}

pub(super) fn update(
    dialect: Dialect,
    table: Table,
    conditions: &[Condition],
    values: &Map<String, Value>,
) -> Result<Statement, String> {
    let mut draft = Draft::new(dialect);
    let changes: Vec<String> = values
        .iter()
        .map(|(name, value)| {
            let column = named(table, name)?;
            Ok(format!("{} = {}", column.name, draft.place(column, value)?))
        })
        .collect::<Result<_, String>>()?;
    if changes.is_empty() {
        return Err(format!("a change of {} that changes nothing", table.name()));
    }
    let mut sql = format!("UPDATE {} SET {}", table.name(), changes.join(", "));
    sql.push_str(&met(&mut draft, table, conditions)?);
    Ok(draft.finish(sql))
}

pub(super) fn delete(dialect: Dialect, table: Table, conditions: &[Condition]) -> Result<Statement, String> {
    let mut draft = Draft::new(dialect);
    let sql = format!("DELETE FROM {}{}", table.name(), met(&mut draft, table, conditions)?);
    Ok(draft.finish(sql))
}

/// ` WHERE …`, or nothing.
fn met(draft: &mut Draft, table: Table, conditions: &[Condition]) -> Result<String, String> {
    let dialect = draft.dialect;
    let mut said = Vec::new();
    for Condition { column, test } in conditions {
        let column = named(table, column)?;
        let name = dialect.comparable(column, column.name.to_owned());
        let mut compared =
            |value: &Value| draft.place(column, value).map(|place| dialect.comparable(column, place));
        said.push(match test {
            Test::IsNull | Test::Is(Value::Null) => format!("{} IS NULL", column.name),
            Test::IsNotNull => format!("{} IS NOT NULL", column.name),
            Test::Is(value) => format!("{name} = {}", compared(value)?),
            Test::IsNot(value) => format!("{name} <> {}", compared(value)?),
            Test::AtLeast(value) => format!("{name} >= {}", compared(value)?),
            Test::Below(value) => format!("{name} < {}", compared(value)?),
            Test::Contains(part) => {
                let place = draft.place(column, &pattern(part).into())?;
                format!("{name} {} {place} ESCAPE '\\'", dialect.like())
            }
            Test::In(values) if values.is_empty() => "1 = 0".to_owned(),
            Test::In(values) => {
                let places: Vec<String> = values.iter().map(compared).collect::<Result<_, _>>()?;
                format!("{name} IN ({})", places.join(", "))
            }
        });
    }
    Ok(if said.is_empty() { String::new() } else { format!(" WHERE {}", said.join(" AND ")) })
}

/// Whatever holds this, as `LIKE` wants it.
fn pattern(part: &str) -> String {
    let escaped = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

fn named(table: Table, name: &str) -> Result<Column, String> {
    table.column(name).ok_or_else(|| format!("{} has no column {name}", table.name()))
}
