//! The keys of a page, as TOML has them. What may be wrong in itself carries its place.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// By name, each with its place: what is on a page is told in the order in which it is written.
pub(super) type Named<T> = BTreeMap<Spanned<String>, T>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) name: String,
    pub(super) language: Option<Spanned<String>>,
    pub(super) voice: Option<String>,
    pub(super) instructions: Spanned<String>,
    pub(super) greeting: Spanned<String>,
    pub(super) outbound_greeting: Option<Spanned<String>>,
    pub(super) voicemail: Option<Spanned<String>>,
    pub(super) goodbye: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) keyterms: Vec<String>,
    #[serde(default)]
    pub(super) silence: Silence,
    #[serde(default)]
    pub(super) model: Model,
    #[serde(default)]
    pub(super) field: Named<Field>,
    #[serde(default)]
    pub(super) tool: Named<Tool>,
    #[serde(default)]
    pub(super) transfer: Named<Transfer>,
    #[serde(default)]
    pub(super) end: End,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Silence {
    pub(super) ask: Option<Spanned<String>>,
    pub(super) after_s: Option<Spanned<f64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    pub(super) temperature: Option<Spanned<f64>>,
    pub(super) max_tokens: Option<Spanned<i64>>,
    pub(super) say_again: Option<Spanned<String>>,
    pub(super) apology: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Field {
    pub(super) about: Option<Spanned<String>>,
    pub(super) ask: Option<Spanned<String>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Spanned<String>>,
    pub(super) choices: Option<Spanned<Vec<String>>>,
    pub(super) min: Option<Spanned<f64>>,
    pub(super) max: Option<Spanned<f64>>,
    #[serde(default = "yes")]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) confirm: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tool {
    pub(super) about: Spanned<String>,
    pub(super) method: Option<Spanned<String>>,
    pub(super) url: Spanned<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<Spanned<String>, Spanned<String>>,
    pub(super) body: Option<Spanned<String>>,
    pub(super) timeout_s: Option<Spanned<f64>>,
    pub(super) secret: Option<Spanned<String>>,
    pub(super) secret_header: Option<Spanned<String>>,
    pub(super) secret_format: Option<Spanned<String>>,
    pub(super) answer: Option<Spanned<String>>,
    pub(super) max_bytes: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) parameters: Named<Parameter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter {
    pub(super) about: Spanned<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Spanned<String>>,
    pub(super) choices: Option<Spanned<Vec<String>>>,
    pub(super) min: Option<Spanned<f64>>,
    pub(super) max: Option<Spanned<f64>>,
    #[serde(default = "yes")]
    pub(super) required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    pub(super) to: Spanned<String>,
    pub(super) when: Spanned<String>,
    pub(super) brief: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) when: Option<String>,
    #[serde(default)]
    pub(super) after_fields: Option<Spanned<bool>>,
    pub(super) phrases: Option<Spanned<Vec<String>>>,
    pub(super) max_turns: Option<Spanned<i64>>,
    pub(super) max_silences: Option<Spanned<i64>>,
}

/// What is written down is needed, unless it says otherwise.
fn yes() -> bool {
    true
}
