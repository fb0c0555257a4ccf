//! From the keys of a page to what they mean, or to what is wrong with them.

use super::kind::Kind;
use super::problem::{Wrong, unknown};
use super::raw::{self, Named};
use super::template::{Body, Place, Scope, Template};
use super::url::Url;
use super::{End, Field, Model, Page, Parameter, Silence, Tool, Transfer};
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use toml::Spanned;

/// Names of tools that every page has.
pub(crate) const SAVE_FIELD: &str = "save_field";
pub(crate) const TRANSFER: &str = "transfer";
pub(crate) const END_CALL: &str = "end_call";

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The host gives no request more time.
const TIMEOUT_S: RangeInclusive<f64> = 0.1..=30.0;
const USUAL_TIMEOUT: Duration = Duration::from_secs(8);

/// Of an answer: what a model is told costs time and money.
const MAX_BYTES: RangeInclusive<i64> = 1..=65_536;
const USUAL_BYTES: usize = 4_000;

const USUAL_SILENCES: u32 = 3;
const PHRASES: [&str; 3] = ["goodbye", "bye", "hang up"];

type Checked<T> = Result<T, Wrong>;

pub(super) fn page(raw: raw::Page) -> Checked<Page> {
    let fields = in_order(raw.field, field)?;
    let field_names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
    let opening = Scope::default();
    let later = Scope { fields: &field_names, ..opening };
    let or = |text: Option<&Spanned<String>>, usual: &str, scope| match text {
        Some(text) => template(text, scope),
        None => Ok(Template::plain(usual)),
    };
    let instructions = template(&raw.instructions, opening)?;
    if instructions.is_blank() {
        return Err(wrong(&raw.instructions, "`instructions` are empty: say what the agent is and does"));
    }
    let greeting = template(&raw.greeting, opening)?;
    if greeting.is_blank() {
        return Err(wrong(&raw.greeting, "`greeting` is empty: say with which words the agent begins"));
    }
    let after_fields = raw.end.after_fields.as_ref().filter(|after| *after.get_ref());
    if let Some(after) = after_fields.filter(|_| !fields.iter().any(|field| field.required)) {
        return Err(wrong(after, "`after_fields` needs a field that is required, and there is none"));
    }
    if let Some(language) = &raw.language {
        checked_language(language)?;
    }
    Ok(Page {
        name: raw.name,
        voice: raw.voice,
        language: raw.language.map(Spanned::into_inner),
        keyterms: raw.keyterms,
        instructions,
        greeting,
        outbound_greeting: raw.outbound_greeting.map(|text| template(&text, opening)).transpose()?,
        voicemail: match &raw.voicemail {
            Some(text) => Some(template(text, opening)?).filter(|text| !text.is_blank()),
            None => None,
        },
        goodbye: or(raw.goodbye.as_ref(), "Goodbye!", later)?,
        silence: Silence {
            ask: or(raw.silence.ask.as_ref(), "Are you still there?", opening)?,
            after: raw.silence.after_s.map(|s| seconds(&s, "after_s", &(0.5..=120.0))).transpose()?,
        },
        model: Model {
            temperature: match &raw.model.temperature {
                Some(t) => Some(within(t, "temperature", &(0.0..=2.0))? as f32),
                None => None,
            },
            max_tokens: raw.model.max_tokens.map(|n| count(&n, "max_tokens", &(1..=100_000))).transpose()?,
            say_again: or(raw.model.say_again.as_ref(), "I am sorry, could you say that again?", opening)?,
            apology: or(raw.model.apology.as_ref(), "I am sorry, I cannot help you right now.", opening)?,
        },
        tools: in_order(raw.tool, |name, raw| tool(name, raw, &field_names))?,
        transfers: in_order(raw.transfer, |name, raw| transfer(name, raw, later))?,
        end: End {
            when: raw
                .end
                .when
                .unwrap_or_else(|| "the caller says goodbye, or has nothing more to say".into()),
            after_fields: after_fields.is_some(),
            phrases: match raw.end.phrases {
                Some(phrases) => checked_phrases(phrases)?,
                None => PHRASES.map(String::from).into(),
            },
            max_turns: raw.end.max_turns.map(|n| count(&n, "max_turns", &(1..=1_000))).transpose()?,
            max_silences: match &raw.end.max_silences {
                Some(n) => count(n, "max_silences", &(0..=10))?,
                None => USUAL_SILENCES,
            },
        },
        fields,
    })
}

fn field(name: &Spanned<String>, raw: raw::Field) -> Checked<Field> {
    checked_name(name, "field")?;
    let about = raw.about.as_ref().or(raw.ask.as_ref());
    let Some(about) = about.map(|about| about.get_ref().trim()).filter(|about| !about.is_empty()) else {
        let message = format!(
            "[field.{0}]: neither `about`, what it is, nor `ask`, how it is asked for, is there",
            name.get_ref()
        );
        return Err(wrong(name, message));
    };
    Ok(Field {
        name: name.get_ref().clone(),
        about: about.to_owned(),
        ask: raw.ask.as_ref().map(|ask| ask.get_ref().trim().to_owned()).filter(|ask| !ask.is_empty()),
        kind: kind(name, raw.kind, raw.choices, raw.min, raw.max)?,
        required: raw.required,
        confirm: raw.confirm,
    })
}

fn kind(
    name: &Spanned<String>,
    named: Option<Spanned<String>>,
    choices: Option<Spanned<Vec<String>>>,
    min: Option<Spanned<f64>>,
    max: Option<Spanned<f64>>,
) -> Checked<Kind> {
    let (what, at) = match &named {
        Some(named) => (named.get_ref().as_str(), named.span()),
        // choices alone say it
        None => (if choices.is_some() { "choice" } else { "text" }, name.span()),
    };
    let bound =
        [(&min, "min"), (&max, "max")].into_iter().find_map(|(bound, key)| Some((bound.as_ref()?, key)));
    if let Some((bound, key)) = bound.filter(|_| !matches!(what, "integer" | "decimal")) {
        return Err(wrong(
            bound,
            format!("`{key}` is for the types integer and decimal, and this is {what:?}"),
        ));
    }
    if let Some(choices) = choices.as_ref().filter(|_| what != "choice") {
        let message = format!("both `choices` and the type {what:?}: choices are of the type \"choice\"");
        return Err(wrong(choices, message));
    }
    if let (Some(min), Some(max)) = (&min, &max)
        && min.get_ref() > max.get_ref()
    {
        return Err(wrong(max, "`max` is less than `min`"));
    }
    let whole = |bound: Option<Spanned<f64>>| match bound {
        Some(n) if n.get_ref().fract() != 0.0 || n.get_ref().abs() > 9e15 => {
            Err(wrong(&n, format!("{} is not a whole number", n.get_ref())))
        }
        n => Ok(n.map(|n| n.into_inner() as i64)),
    };
    Ok(match what {
        "text" => Kind::Text,
        "integer" => Kind::Integer { min: whole(min)?, max: whole(max)? },
        "decimal" => Kind::Decimal { min: min.map(Spanned::into_inner), max: max.map(Spanned::into_inner) },
        "date" => Kind::Date,
        "boolean" => Kind::Boolean,
        "choice" => match choices {
            Some(choices) if choices.get_ref().iter().any(|choice| choice.trim().is_empty()) => {
                return Err(wrong(&choices, "a choice is empty"));
            }
            Some(choices) if !choices.get_ref().is_empty() => Kind::Choice(choices.into_inner()),
            _ => return Err(Wrong::new(at, "the type \"choice\" needs `choices = [\"…\", \"…\"]`")),
        },
        other => return Err(Wrong::new(at, unknown("type", other, &Kind::NAMES))),
    })
}

fn tool(name: &Spanned<String>, raw: raw::Tool, fields: &[String]) -> Checked<Tool> {
    checked_name(name, "tool")?;
    let own = [SAVE_FIELD, TRANSFER, END_CALL];
    if own.contains(&name.get_ref().as_str()) {
        let message =
            format!("every page has a tool {:?} of its own: give this one another name", name.get_ref());
        return Err(wrong(name, message));
    }
    let parameters = in_order(raw.parameters, |name, raw| {
        checked_name(name, "parameter")?;
        let kind = kind(name, raw.kind, raw.choices, raw.min, raw.max)?;
        let about = stated(&raw.about, "about")?;
        Ok(Parameter { name: name.get_ref().clone(), about, kind, required: raw.required })
    })?;
    let arguments: Vec<String> = parameters.iter().map(|parameter| parameter.name.clone()).collect();
    let scope = Scope { fields, arguments: &arguments };
    let url = Url::parse(raw.url.get_ref(), scope)
        .map_err(|why| wrong(&raw.url, format!("`url` {:?}: {why}", raw.url.get_ref())))?;
    let optional = |place: &Place| match place {
        Place::Argument(name) => {
            parameters.iter().find(|p| p.name == *name && !p.required).map(|p| p.name.clone())
        }
        _ => None,
    };
    if let Some(name) = url.path_places().find_map(optional) {
        let message = format!(
            "the path of `url` holds the parameter `{name}`, which may be left out: set its `required`"
        );
        return Err(wrong(&raw.url, message));
    }
    let body = match &raw.body {
        Some(text) => {
            Some(Body::parse(text.get_ref(), scope).map_err(|why| wrong(text, format!("`body`: {why}")))?)
        }
        None => None,
    };
    let method = method(raw.method.as_ref(), raw.body.as_ref())?;
    let (headers, secret_header) = (headers(raw.headers, scope)?, raw.secret_header.as_ref());
    secret(raw.secret.as_ref(), secret_header, raw.secret_format.as_ref(), &headers)?;
    if let Some(pointer) =
        raw.answer.as_ref().filter(|p| !p.get_ref().is_empty() && !p.get_ref().starts_with('/'))
    {
        let message = format!("`answer` {:?} is no JSON pointer, as \"/order/status\"", pointer.get_ref());
        return Err(wrong(pointer, message));
    }
    Ok(Tool {
        name: name.get_ref().clone(),
        about: stated(&raw.about, "about")?,
        method,
        url,
        headers: headers.into_iter().map(|(name, value)| (name.into_inner(), value)).collect(),
        body,
        timeout: match raw.timeout_s {
            Some(s) => seconds(&s, "timeout_s", &TIMEOUT_S)?,
            None => USUAL_TIMEOUT,
        },
        answer: raw.answer.map(Spanned::into_inner).filter(|pointer| !pointer.is_empty()),
        max_bytes: match &raw.max_bytes {
            Some(n) => count(n, "max_bytes", &MAX_BYTES)? as usize,
            None => USUAL_BYTES,
        },
        parameters,
    })
}

fn method(named: Option<&Spanned<String>>, body: Option<&Spanned<String>>) -> Checked<&'static str> {
    let Some(named) = named else { return Ok(if body.is_some() { "POST" } else { "GET" }) };
    let upper = named.get_ref().to_uppercase();
    let Some(method) = METHODS.into_iter().find(|method| *method == upper) else {
        return Err(wrong(named, unknown("method", named.get_ref(), &METHODS)));
    };
    match body {
        Some(body) if method == "GET" => {
            Err(wrong(body, "both a `body` and the method GET, which has none: POST, PUT, PATCH or DELETE"))
        }
        _ => Ok(method),
    }
}

type Headers = Vec<(Spanned<String>, Template)>;

fn headers(
    raw: impl IntoIterator<Item = (Spanned<String>, Spanned<String>)>,
    scope: Scope<'_>,
) -> Checked<Headers> {
    let checked = raw.into_iter().map(|(name, value)| {
        checked_header(&name)?;
        Ok((name, template(&value, scope)?))
    });
    checked.collect()
}

/// The host puts it there; here it only has to make sense.
fn secret(
    name: Option<&Spanned<String>>,
    header: Option<&Spanned<String>>,
    format: Option<&Spanned<String>>,
    headers: &Headers,
) -> Checked<()> {
    let Some(name) = name else {
        let lonely = header.map(|h| (h, "secret_header")).or(format.map(|f| (f, "secret_format")));
        return match lonely {
            Some((at, key)) => Err(wrong(at, format!("`{key}` without a `secret`"))),
            None => Ok(()),
        };
    };
    let proper = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.get_ref().is_empty() || !name.get_ref().chars().all(proper) {
        let message = "`secret` is the name of the variable that holds it, as PIZZA_TOKEN; the value itself \
                       belongs into the environment, not on the page";
        return Err(wrong(name, message));
    }
    if let Some(header) = header {
        checked_header(header)?;
    }
    if let Some(format) = format.filter(|format| !format.get_ref().contains("{}")) {
        return Err(wrong(format, "`secret_format` has no {}, where the secret goes, as in \"Bearer {}\""));
    }
    let goes_into = header.map_or("authorization", |header| header.get_ref().as_str());
    match headers.iter().find(|(header, _)| header.get_ref().eq_ignore_ascii_case(goes_into)) {
        Some((header, _)) => {
            Err(wrong(header, format!("both a header `{goes_into}` and a `secret`, which goes into it")))
        }
        None => Ok(()),
    }
}

fn transfer(name: &Spanned<String>, raw: raw::Transfer, scope: Scope<'_>) -> Checked<Transfer> {
    checked_name(name, "transfer")?;
    let to = raw.to.get_ref();
    let is_number = to.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
    });
    let proper = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let is_name = to.chars().next().is_some_and(char::is_alphabetic) && to.chars().all(proper);
    if !is_number && !is_name {
        let message = format!(
            "`to` {to:?} is neither a number, as \"+15551234567\", nor a name of the route's transfers, as \"kitchen\""
        );
        return Err(wrong(&raw.to, message));
    }
    Ok(Transfer {
        name: name.get_ref().clone(),
        to: to.clone(),
        when: stated(&raw.when, "when")?,
        brief: raw.brief.map(|brief| template(&brief, scope)).transpose()?,
    })
}

/// In the order in which they are written.
fn in_order<T, U>(named: Named<T>, check: impl Fn(&Spanned<String>, T) -> Checked<U>) -> Checked<Vec<U>> {
    let mut entries: Vec<(Spanned<String>, T)> = named.into_iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries.into_iter().map(|(name, raw)| check(&name, raw)).collect()
}

fn wrong<T>(at: &Spanned<T>, message: impl Into<String>) -> Wrong {
    let Range { start, end } = at.span();
    Wrong::new(start..end, message)
}

fn template(text: &Spanned<String>, scope: Scope<'_>) -> Checked<Template> {
    Template::parse(text.get_ref(), scope).map_err(|why| wrong(text, why))
}

fn stated(text: &Spanned<String>, key: &str) -> Checked<String> {
    match text.get_ref().trim() {
        "" => Err(wrong(text, format!("`{key}` is empty: it is what the model goes by"))),
        text => Ok(text.to_owned()),
    }
}

/// What the model knows it by.
fn checked_name(name: &Spanned<String>, what: &str) -> Checked<()> {
    let text = name.get_ref();
    let proper = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
    let is_name = text.chars().all(proper) && text.len() <= 64;
    if is_name && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') {
        return Ok(());
    }
    let message = format!(
        "{text:?} is no name of a {what}: at most 64 lower-case letters, digits and _, as order_status"
    );
    Err(wrong(name, message))
}

fn checked_header(name: &Spanned<String>) -> Checked<()> {
    let proper = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match name.get_ref() {
        text if !text.is_empty() && text.chars().all(proper) => Ok(()),
        text => Err(wrong(name, format!("{text:?} is no name of a header"))),
    }
}

fn checked_language(language: &Spanned<String>) -> Checked<()> {
    let text = language.get_ref();
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let primary = text.split('-').next().unwrap_or_default();
    let is_tag =
        text.split('-').all(part) && primary.len() >= 2 && primary.bytes().all(|b| b.is_ascii_alphabetic());
    match is_tag {
        true => Ok(()),
        false => Err(wrong(language, format!("`language` {text:?} is no tag of a language, as \"en-GB\""))),
    }
}

fn checked_phrases(phrases: Spanned<Vec<String>>) -> Checked<Vec<String>> {
    match phrases.get_ref().iter().find(|phrase| !phrase.contains(char::is_alphanumeric)) {
        Some(phrase) => Err(wrong(&phrases, format!("the phrase {phrase:?} has no words"))),
        None => Ok(phrases.into_inner()),
    }
}

fn within(number: &Spanned<f64>, key: &str, range: &RangeInclusive<f64>) -> Checked<f64> {
    let value = *number.get_ref();
    match range.contains(&value) {
        true => Ok(value),
        false => {
            let message = format!("`{key}` is {value}, and may be {} to {}", range.start(), range.end());
            Err(wrong(number, message))
        }
    }
}

fn seconds(number: &Spanned<f64>, key: &str, range: &RangeInclusive<f64>) -> Checked<Duration> {
    within(number, key, range).map(Duration::from_secs_f64)
}

fn count(number: &Spanned<i64>, key: &str, range: &RangeInclusive<i64>) -> Checked<u32> {
    let value = *number.get_ref();
    match u32::try_from(value) {
        Ok(count) if range.contains(&value) => Ok(count),
        _ => {
            let message = format!("`{key}` is {value}, and may be {} to {}", range.start(), range.end());
            Err(wrong(number, message))
        }
    }
}
