//! What the author wrote, as types that cannot be wrong. It is read once, when the call opens; what is
//! wrong with it is said with the line, and with what was probably meant.
//!
//! - `page/raw.rs`: the keys, as TOML has them
//! - `page/check.rs`: from there to here
//! - `page/template.rs`: texts with places in them
//! - `page/kind.rs`: what a field or a parameter can be
//! - `page/url.rs`: addresses of tools
//! - `page/problem.rs`: what is wrong, in words

mod check;
mod kind;
mod problem;
mod raw;
mod template;
#[cfg(test)]
mod tests;
mod url;

pub(crate) use check::{END_CALL, SAVE_FIELD, TRANSFER};
pub(crate) use kind::Kind;
pub(crate) use problem::Problem;
pub(crate) use template::{Body, Place, Template};
pub(crate) use url::Url;

use serde::Deserialize;
use std::time::Duration;

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) voice: Option<String>,
    /// BCP 47
    pub(crate) language: Option<String>,
    pub(crate) keyterms: Vec<String>,
    pub(crate) instructions: Template,
    pub(crate) greeting: Template,
    /// none: the greeting
    pub(crate) outbound_greeting: Option<Template>,
    pub(crate) voicemail: Option<Template>,
    pub(crate) goodbye: Template,
    pub(crate) silence: Silence,
    pub(crate) model: Model,
    pub(crate) fields: Vec<Field>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) end: End,
}

#[derive(Debug)]
pub(crate) struct Silence {
    pub(crate) ask: Template,
    /// none: as in the operator's settings
    pub(crate) after: Option<Duration>,
}

/// How the model is asked, and what is said when it has no answer.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) temperature: Option<f32>,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) say_again: Template,
    pub(crate) apology: Template,
}

/// Something to be found out.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) about: String,
    /// the question, in the author's words
    pub(crate) ask: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// the caller has to say yes to it
    pub(crate) confirm: bool,
}

/// A request that the model may have made.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) method: &'static str,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) body: Option<Body>,
    pub(crate) timeout: Duration,
    /// a JSON pointer to what the model is told of the answer; none: all of it
    pub(crate) answer: Option<String>,
    pub(crate) max_bytes: usize,
    pub(crate) parameters: Vec<Parameter>,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) name: String,
    /// E.164, or a name from the route's settings
    pub(crate) to: String,
    pub(crate) when: String,
    /// none: the model says it
    pub(crate) brief: Option<Template>,
}

#[derive(Debug)]
pub(crate) struct End {
    pub(crate) when: String,
    pub(crate) after_fields: bool,
    pub(crate) phrases: Vec<String>,
    /// none: as many as the operator's limit on the length of a call allows
    pub(crate) max_turns: Option<u32>,
    pub(crate) max_silences: u32,
}

impl TryFrom<String> for Page {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

impl Page {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        if text.trim().is_empty() {
            return Err(Problem::new(
                "it is empty. Begin with `instructions = \"…\"`, what the agent is and does, and `greeting = \"…\"`, \
                 its first words",
            ));
        }
        let raw = toml::from_str(text).map_err(|error| problem::of_toml(text, &error))?;
        check::page(raw).map_err(|wrong| wrong.in_text(text))
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
