//! Texts with places in them: `{caller}`, `{parameters.first_name|there}`. What a place means is known
//! when the page is read, so that none is ever spoken as it stands.

use super::problem::unknown;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Place {
        place: Place,
        /// what stands there if nothing is known
        otherwise: Option<String>,
    },
}

/// What can be put into a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// the page's name
    Name,
    Caller,
    Called,
    Date,
    Time,
    /// a parameter of the call
    Parameter(String),
    Field(String),
    /// of a tool
    Argument(String),
}

/// What may be named in a text, beside what is known of every call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope<'a> {
    pub(super) fields: &'a [String],
    pub(super) arguments: &'a [String],
}

impl Scope<'_> {
    fn place(self, name: &str) -> Result<Place, String> {
        if self.arguments.iter().any(|argument| argument == name) {
            return Ok(Place::Argument(name.to_owned()));
        }
        let named = name.split_once('.').filter(|(_, name)| !name.is_empty());
        Ok(match (name, named) {
            ("name", _) => Place::Name,
            ("caller", _) => Place::Caller,
            ("called", _) => Place::Called,
            ("date", _) => Place::Date,
            ("time", _) => Place::Time,
            (_, Some(("parameters", name))) => Place::Parameter(name.to_owned()),
            (_, Some(("fields", field))) if self.fields.iter().any(|known| known == field) => {
                Place::Field(field.to_owned())
            }
            _ => {
                let mut known: Vec<String> =
                    ["name", "caller", "called", "date", "time", "parameters.NAME"].map(String::from).into();
                known.extend(self.fields.iter().map(|field| format!("fields.{field}")));
                known.extend(self.arguments.iter().cloned());
                return Err(unknown("place", name, &known));
            }
        })
    }
}

impl Template {
    pub(super) fn parse(text: &str, scope: Scope<'_>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(behind) = from.strip_prefix("{{") {
                plain.push('{');
                rest = behind;
            } else if let Some(behind) = from.strip_prefix("}}") {
                plain.push('}');
                rest = behind;
            } else {
                let (place, behind) = named(from).ok_or_else(|| {
                    let stands: String = from.chars().take(20).collect();
                    format!("{stands:?}: a brace that is no place; write it twice if it is meant as it is")
                })?;
                let (name, otherwise) = match place.split_once('|') {
                    Some((name, otherwise)) => (name, Some(otherwise.to_owned())),
                    None => (place, None),
                };
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Place { place: scope.place(name)?, otherwise });
                rest = behind;
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// Without places.
    pub(super) fn plain(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().filter_map(|part| match part {
            Part::Place { place, .. } => Some(place),
            Part::Text(_) => None,
        })
    }

    /// Whether nothing stands in it.
    pub(super) fn is_blank(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(text) if text.trim().is_empty()))
    }

    /// With what is known: each value as `shown` writes it. What is not known is left out.
    pub(crate) fn filled(
        &self,
        value: &dyn Fn(&Place) -> Option<Value>,
        shown: impl Fn(String) -> String,
    ) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Place { place, otherwise } => {
                let value = value(place).map(|value| spoken(&value)).filter(|text| !text.trim().is_empty());
                shown(value.or_else(|| otherwise.clone()).unwrap_or_default())
            }
        });
        parts.collect()
    }

    pub(crate) fn text(&self, value: &dyn Fn(&Place) -> Option<Value>) -> String {
        self.filled(value, |text| text)
    }

    /// A place that stands alone keeps its type.
    fn json(&self, value: &dyn Fn(&Place) -> Option<Value>) -> Value {
        match &self.0[..] {
            [Part::Place { place, otherwise }] => {
                value(place).or_else(|| otherwise.clone().map(Value::String)).unwrap_or_default()
            }
            _ => Value::String(self.text(value)),
        }
    }
}

/// A value as words.
pub(crate) fn spoken(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What stands in the braces at the beginning, and what behind them.
fn named(from: &str) -> Option<(&str, &str)> {
    let (inside, behind) = from.strip_prefix('{')?.split_once('}')?;
    let name = inside.split('|').next().unwrap_or_default();
    let proper = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    (!name.is_empty() && name.chars().all(proper) && !inside.contains('{')).then_some((inside, behind))
}

/// JSON with places in it. Whatever is put there, it stays JSON of the same shape.
#[derive(Clone, Debug)]
pub(crate) struct Body(Shape);

#[derive(Clone, Debug)]
enum Shape {
    Text(Template),
    List(Vec<Shape>),
    Object(Vec<(String, Shape)>),
    Other(Value),
}

impl Body {
    pub(super) fn parse(text: &str, scope: Scope<'_>) -> Result<Self, String> {
        let json = serde_json::from_str(&quoted(text))
            .map_err(|e| format!("it is not JSON, also with values in its places: {e}"))?;
        Shape::new(json, scope).map(Self)
    }

    pub(crate) fn filled(&self, value: &dyn Fn(&Place) -> Option<Value>) -> Value {
        self.0.filled(value)
    }

    pub(crate) fn places(&self) -> Vec<&Place> {
        let mut places = Vec::new();
        self.0.places(&mut places);
        places
    }
}

impl Shape {
    fn new(json: Value, scope: Scope<'_>) -> Result<Self, String> {
        Ok(match json {
            Value::String(text) => Self::Text(Template::parse(&text, scope)?),
            Value::Array(items) => {
                Self::List(items.into_iter().map(|item| Self::new(item, scope)).collect::<Result<_, _>>()?)
            }
            Value::Object(entries) => {
                let shape = |(name, json)| Ok((name, Self::new(json, scope)?));
                Self::Object(entries.into_iter().map(shape).collect::<Result<_, String>>()?)
            }
            other => Self::Other(other),
        })
    }

    fn filled(&self, value: &dyn Fn(&Place) -> Option<Value>) -> Value {
        match self {
            Self::Text(template) => template.json(value),
            Self::List(items) => items.iter().map(|item| item.filled(value)).collect(),
            Self::Object(entries) => {
                entries.iter().map(|(name, shape)| (name.clone(), shape.filled(value))).collect()
            }
            Self::Other(json) => json.clone(),
        }
    }

    fn places<'a>(&'a self, found: &mut Vec<&'a Place>) {
        match self {
            Self::Text(template) => found.extend(template.places()),
            Self::List(items) => items.iter().for_each(|item| item.places(found)),
            Self::Object(entries) => entries.iter().for_each(|(_, shape)| shape.places(found)),
            Self::Other(_) => {}
        }
    }
}

/// With quotes around each place that has none: `{"number": {number}}` is JSON then.
fn quoted(text: &str) -> String {
    let (mut json, mut rest) = (String::new(), text);
    let (mut within, mut escaped) = (false, false);
    while let Some(c) = rest.chars().next() {
        if !within && let Some((inside, behind)) = named(rest) {
            json.push_str(&Value::String(format!("{{{inside}}}")).to_string());
            rest = behind;
            continue;
        }
        within ^= c == '"' && !escaped;
        escaped = within && c == '\\' && !escaped;
        json.push(c);
        rest = rest.split_at(c.len_utf8()).1;
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn known(place: &Place) -> Option<Value> {
        match place {
            Place::Caller => Some(json!("+15550100")),
            Place::Argument(name) if name == "number" => Some(json!(12)),
            Place::Argument(name) if name == "note" => Some(json!("\"}, {\"admin\": true")),
            _ => None,
        }
    }

    fn arguments() -> [String; 2] {
        ["number", "note"].map(String::from)
    }

    #[test]
    fn what_is_known_stands_in_its_place() {
        let arguments = arguments();
        let scope = Scope { arguments: &arguments, ..Scope::default() };
        let text = |text: &str| Template::parse(text, scope).map(|template| template.text(&known));
        assert_eq!(text("You are {caller}, {{really}}.").unwrap(), "You are +15550100, {really}.");
        assert_eq!(text("Hello {parameters.first|there}{called}!").unwrap(), "Hello there!");
        assert_eq!(text("No. {number}").unwrap(), "No. 12");
        for wrong in ["a { b", "a } b", "{", "{}", "{ caller }"] {
            assert!(text(wrong).unwrap_err().contains("write it twice"), "{wrong}");
        }
        assert!(text("{callr}").unwrap_err().contains("did you mean `caller`?"));
        assert!(text("{fields.size}").unwrap_err().contains("no place `fields.size`"));
    }

    #[test]
    fn a_body_stays_the_json_that_it_is() {
        let arguments = arguments();
        let scope = Scope { arguments: &arguments, ..Scope::default() };
        let text = r#"{"n": {number}, "all": ["{note}", {called}], "text": "say \"{note}\" {{", "is": true}"#;
        let body = Body::parse(text, scope).unwrap().filled(&known);
        let note = "\"}, {\"admin\": true";
        let whole = format!("say \"{note}\" {{");
        assert_eq!(body, json!({ "n": 12, "all": [note, null], "text": whole, "is": true }));
        assert!(Body::parse(r#"{"n": {number}"#, scope).unwrap_err().contains("not JSON"));
        assert!(Body::parse(r#"{"n": {nmber}}"#, scope).unwrap_err().contains("`number`"));
    }
}
