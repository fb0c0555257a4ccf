//! What the model is told: the author's instructions, and what the page makes of the conversation so far.
//! What changes from turn to turn stands last.

use crate::fields::Fields;
use crate::page::{Field, Page};
use crate::scene;
use persona::Call;
use std::fmt::Write;

const ON_THE_TELEPHONE: &str = "You are on the telephone: your answers are spoken. Answer in one or two short \
    sentences of plain words, without lists, symbols or special characters. Promise nothing that you cannot do.";

const NOTHING_MADE_UP: &str = "What only a tool can tell, you do not know before it has told you. If it fails, say \
    that it does not work right now; never make up its answer.";

pub(crate) fn instructions(call: &Call, page: &Page, fields: &Fields, own: &str) -> String {
    let mut told = format!("{}\n\n{ON_THE_TELEPHONE}", own.trim());
    if let Some(language) = &page.language {
        let _ = write!(told, " Speak the language {language}.");
    }
    if !page.tools.is_empty() {
        let _ = write!(told, "\n\n{NOTHING_MADE_UP}");
    }
    if !page.fields.is_empty() {
        told.push_str(
            "\n\nFind this out from the caller, one thing at a time, and save each at once with save_field:",
        );
        for field in &page.fields {
            let _ = write!(told, "\n- {}", described(field, fields));
        }
        let _ = write!(told, "\n{}", progress(page, fields));
    }
    let now = scene::now(call);
    let _ = write!(told, "\n\nIt is {}.", now.strftime("%A, %Y-%m-%d, %H:%M"));
    told
}

fn described(field: &Field, fields: &Fields) -> String {
    let mut text = format!("{}: {} ({})", field.name, field.about, field.kind.named());
    if !field.required {
        text.push_str(", only if the caller mentions it");
    }
    if let Some(ask) = &field.ask {
        let _ = write!(text, "; ask: {ask:?}");
    }
    match fields.known(&field.name) {
        Some(known) if known.confirmed => {
            let _ = write!(text, "; known: {}", known.value);
        }
        Some(known) => {
            let _ = write!(text, "; heard: {}, to be confirmed by the caller", known.value);
        }
        None => text.push_str("; not known yet"),
    }
    text
}

/// What comes next.
pub(crate) fn progress(page: &Page, fields: &Fields) -> String {
    let missing = fields.missing(page);
    if !missing.is_empty() {
        return format!("Still missing: {}.", missing.join(", "));
    }
    if !page.end.after_fields {
        return "Everything that is needed is known.".into();
    }
    if fields.is_read_back() {
        return "Everything is known and was read back. If the caller agrees, do what is left to do and say so in \
                one sentence; if something is wrong, save it again."
            .into();
    }
    "Everything is known. Read all of it back in one sentence, and ask whether it is right.".into()
}
