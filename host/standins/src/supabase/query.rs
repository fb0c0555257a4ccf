//! What a URL asks for: columns, filters, order.

use super::cell::{Cell, Type};
use super::refusal::Refusal;
use super::schema::Table;
use std::cmp::Ordering;

/// A URL's parameters, decoded, in their order.
pub(super) type Parameters = [(String, String)];

/// What is no filter, but an instruction.
const RESERVED: [&str; 6] = ["select", "order", "limit", "offset", "columns", "on_conflict"];

pub(super) struct Query {
    pub(super) filters: Vec<Filter>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
    /// Places of columns, and whether they are cast to text.
    pub(super) select: Vec<(usize, bool)>,
}

pub(super) struct Filter {
    column: usize,
    negated: bool,
    test: Test,
}

enum Test {
    Null,
    In(Vec<Cell>),
    Compare(fn(Ordering) -> bool, Cell),
    Like(Vec<char>),
}

pub(super) struct Order {
    column: usize,
    descending: bool,
    nulls_first: bool,
}

impl Query {
    pub(super) fn read(table: &Table, parameters: &Parameters) -> Result<Self, Refusal> {
        let number = |name: &str| match parameter(parameters, name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| Refusal::unparsable(name, text)),
        };
        let filters = parameters.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str()));
        let order = parameter(parameters, "order").filter(|order| !order.is_empty());
        Ok(Self {
            filters: filters.map(|(name, text)| Filter::read(table, name, text)).collect::<Result<_, _>>()?,
            order: order
                .into_iter()
                .flat_map(|order| order.split(','))
                .map(|part| Order::read(table, part))
                .collect::<Result<_, _>>()?,
            limit: number("limit")?,
            offset: number("offset")?.unwrap_or_default(),
            select: select(table, parameter(parameters, "select").unwrap_or("*"))?,
        })
    }

    pub(super) fn finds(&self, row: &[Cell]) -> bool {
        self.filters.iter().all(|filter| filter.passes(row.get(filter.column).unwrap_or(&Cell::Null)))
    }

    pub(super) fn compare(&self, a: &[Cell], b: &[Cell]) -> Ordering {
        let orders = self.order.iter().map(|order| order.compare(a, b));
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

pub(super) fn parameter<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
}

/// Names with commas between them, each of them in quotes or not.
pub(super) fn names(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim_matches('"').to_owned()).collect()
}

fn select(table: &Table, text: &str) -> Result<Vec<(usize, bool)>, Refusal> {
    if text == "*" {
        return Ok((0..table.columns.len()).map(|place| (place, false)).collect());
    }
    let column = |part: &str| match part.split_once("::") {
        None => Ok((table.readable(part)?, false)),
        Some((name, "text")) => Ok((table.readable(name)?, true)),
        Some(_) => Err(Refusal::unparsable("select parameter", text)),
    };
    text.split(',').map(column).collect()
}

impl Filter {
    fn read(table: &Table, name: &str, text: &str) -> Result<Self, Refusal> {
        let column = table.readable(name)?;
        let kind = table.columns.get(column).map_or(Type::Text, |column| column.kind);
        let (negated, asked) = match text.strip_prefix("not.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let unparsable = || Refusal::unparsable("filter", text);
        let (operator, value) = asked.split_once('.').ok_or_else(unparsable)?;
        let compare: fn(Ordering) -> bool = match operator {
            "is" if value == "null" => return Ok(Self { column, negated, test: Test::Null }),
            "in" => {
                let list = elements(value).ok_or_else(unparsable)?;
                let list = list.iter().map(|element| kind.text(element)).collect::<Result<_, _>>()?;
                return Ok(Self { column, negated, test: Test::In(list) });
            }
            // a star is another way to write a percent sign
            "ilike" => {
                let pattern = letters(&value.replace('*', "%"));
                return Ok(Self { column, negated, test: Test::Like(pattern) });
            }
            "eq" => Ordering::is_eq,
            "neq" => Ordering::is_ne,
            "lt" => Ordering::is_lt,
            "lte" => Ordering::is_le,
            "gt" => Ordering::is_gt,
            "gte" => Ordering::is_ge,
            _ => return Err(unparsable()),
        };
        Ok(Self { column, negated, test: Test::Compare(compare, kind.text(value)?) })
    }

    /// What is not known of a null is not true, and its contrary neither.
    fn passes(&self, cell: &Cell) -> bool {
        let is_null = *cell == Cell::Null;
        let passed = match &self.test {
            Test::Null => return is_null != self.negated,
            Test::In(list) => list.iter().any(|one| cell.compare(one).is_some_and(Ordering::is_eq)),
            Test::Compare(is_so, value) => cell.compare(value).is_some_and(is_so),
            Test::Like(pattern) => matches!(cell, Cell::Text(text) if like(&letters(text), pattern)),
        };
        !is_null && passed != self.negated
    }
}

fn letters(text: &str) -> Vec<char> {
    text.to_lowercase().chars().collect()
}

/// SQL's `LIKE`: `%` is anything, `_` any letter, and behind a backslash both are themselves.
fn like(text: &[char], pattern: &[char]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        (['%', rest @ ..], _) => (0..=text.len()).any(|at| like(text.get(at..).unwrap_or_default(), rest)),
        (['\\', letter, rest @ ..], [first, after @ ..]) => letter == first && like(after, rest),
        (['_', rest @ ..], [_, after @ ..]) => like(after, rest),
        ([letter, rest @ ..], [first, after @ ..]) => letter == first && like(after, rest),
        (_, []) => false,
    }
}

/// `("a,b",c)`: within quotes everything is what it is, but for a backslash, after which a quote or
/// another backslash is.
fn elements(text: &str) -> Option<Vec<String>> {
    let mut rest = text.strip_prefix('(')?.strip_suffix(')')?.chars().peekable();
    let mut elements = Vec::new();
    if rest.peek().is_none() {
        return Some(elements);
    }
    loop {
        let mut element = String::new();
        let quoted = rest.next_if_eq(&'"').is_some();
        loop {
            match rest.next() {
                Some('\\') if quoted => element.push(rest.next()?),
                Some('"') if quoted => break,
                Some(letter) if quoted || !",()\"".contains(letter) => {
                    element.push(letter);
                    if !quoted && rest.peek().is_none_or(|next| *next == ',') {
                        break;
                    }
                }
                _ => return None,
            }
        }
        elements.push(element);
        match rest.next() {
            None => return Some(elements),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}

impl Order {
    fn read(table: &Table, text: &str) -> Result<Self, Refusal> {
        let mut parts = text.split('.');
        let column = table.readable(parts.next().unwrap_or_default())?;
        let mut order = Self { column, descending: false, nulls_first: false };
        for part in parts {
            match part {
                "asc" => {}
                "desc" => (order.descending, order.nulls_first) = (true, true),
                "nullsfirst" => order.nulls_first = true,
                "nullslast" => order.nulls_first = false,
                _ => return Err(Refusal::unparsable("order", text)),
            }
        }
        Ok(order)
    }

    fn compare(&self, a: &[Cell], b: &[Cell]) -> Ordering {
        let cell = |row: &[Cell]| row.get(self.column).cloned().unwrap_or(Cell::Null);
        let (a, b) = (cell(a), cell(b));
        match (a == Cell::Null, b == Cell::Null) {
            (true, true) => Ordering::Equal,
            (true, false) if self.nulls_first => Ordering::Less,
            (false, true) if !self.nulls_first => Ordering::Less,
            (false, false) => {
                let order = a.compare(&b).unwrap_or(Ordering::Equal);
                if self.descending { order.reverse() } else { order }
            }
            _ => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::elements;

    #[test]
    fn a_list_has_elements_with_and_without_quotes() {
        let read = |text: &str| elements(text).map(|list| list.join("|"));
        assert_eq!(read("(a,b)").as_deref(), Some("a|b"));
        assert_eq!(read(r#"("a,b","(c)",d.e)"#).as_deref(), Some("a,b|(c)|d.e"));
        assert_eq!(read(r#"("say \"a\\b\"")"#).as_deref(), Some(r#"say "a\b""#));
        assert_eq!(read("()").as_deref(), Some(""));
        for wrong in ["a", "(a", r#"("a)"#, r#"("a"b)"#, "(a)b)"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
