//! A persona out of a page of TOML, for whom writing one should not mean compiling one. README.md is the
//! author's reference; here is what the page becomes.
//!
//! The model makes the conversation, the frame of the SDK holds it. What the model says to tools is
//! checked: a field is of its type, a request goes where the page says.
//!
//! - `page.rs`: what the author wrote
//! - `scene.rs`: what is known of the call
//! - `fields.rs`: what was found out
//! - `request.rs`: tools over HTTP
//! - `instructions.rs`: what the model is told

mod fields;
mod instructions;
mod page;
mod request;
mod scene;
#[cfg(test)]
mod tests;

use fields::{Saved, Shared};
use page::{END_CALL, Page, Place, SAVE_FIELD, TRANSFER, Template};
use persona::{
    Ask, Call, Decision, Direction, Ending, Frame, Habits, Next, Turn, ended_by, hold, says_goodbye, tool,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::cell::Cell;
use std::rc::Rc;

/// From the operator.
#[derive(Deserialize)]
struct Settings {
    page: Page,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    frame: Frame,
    /// the number of the caller's last turn
    turn: u32,
    fields: Shared,
}

async fn talk(call: Call, Settings { page }: Settings, mut state: State) {
    let page = Rc::new(page);
    call.habits(Habits {
        voice: page.voice.clone(),
        language: page.language.clone(),
        keyterms: page.keyterms.clone(),
        patience: page.silence.after,
    });
    let (last_page, last_fields) = (page.clone(), state.fields.clone());
    call.at_end(move |call, departure| {
        call.keep("ended_by", ended_by(departure));
        if last_page.fields.iter().any(|field| field.required) {
            call.keep("missing", last_fields.get().missing(&last_page));
        }
    });
    let agent =
        Agent { call: call.clone(), page, fields: state.fields.clone(), running: Rc::new(Cell::new(0)) };
    hold(&call, &agent, &mut state).await;
}

/// Whoever the page describes.
struct Agent {
    call: Call,
    page: Rc<Page>,
    fields: Shared,
    /// requests that are under way
    running: Rc<Cell<u32>>,
}

impl Agent {
    fn text(&self, template: &Template) -> String {
        template.text(&|place: &Place| scene::value(&self.call, &self.page, Some(&self.fields.get()), place))
    }

    /// The model may save what it finds out.
    fn with_fields(&self, asked: Ask, turn: u32) -> Ask {
        if self.page.fields.is_empty() {
            return asked;
        }
        let names: Vec<&str> = self.page.fields.iter().map(|field| field.name.as_str()).collect();
        let mut properties = json!({
            "name": { "type": "string", "enum": names },
            "value": { "type": "string", "description": "numbers in digits, dates as YYYY-MM-DD" },
        });
        if let Some(properties) =
            properties.as_object_mut().filter(|_| self.page.fields.iter().any(|f| f.confirm))
        {
            let about = "the caller was asked whether the value is right, and has said yes";
            properties.insert("confirmed".into(), json!({ "type": "boolean", "description": about }));
        }
        let saves = tool(
            SAVE_FIELD,
            "Saves something that the caller has said. Use it at once, for each thing by itself, and again when the \
             caller corrects it. Never save what the caller has not said.",
            json!({ "type": "object", "properties": properties, "required": ["name", "value"] }),
        );
        let (call, page, fields) = (self.call.clone(), self.page.clone(), self.fields.clone());
        asked.tool(saves, move |arguments| {
            let told = save(&call, &page, &fields, turn, &arguments);
            async { told }
        })
    }

    fn with_tools(&self, mut asked: Ask) -> Ask {
        for (n, declared) in self.page.tools.iter().enumerate() {
            let (call, page) = (self.call.clone(), self.page.clone());
            let (fields, running) = (self.fields.clone(), self.running.clone());
            asked = asked.tool(
                tool(&declared.name, &declared.about, request::schema(declared)),
                move |arguments| {
                    let (call, page) = (call.clone(), page.clone());
                    let (fields, running) = (fields.clone(), running.clone());
                    async move {
                        match page.tools.get(n) {
                            Some(tool) => {
                                request::run(&call, &page, tool, &arguments, &fields, &running).await
                            }
                            None => "Error: there is no such tool.".into(),
                        }
                    }
                },
            );
        }
        asked
    }

    fn with_end(&self, asked: Ask, decision: &Decision) -> Ask {
        let about = format!(
            "Ends the call. Use it when {}. Do not say goodbye yourself.",
            self.page.end.when.trim().trim_end_matches('.')
        );
        let decision = decision.clone();
        asked.tool(tool(END_CALL, &about, json!({ "type": "object", "properties": {} })), move |_| {
            decision.make(Next::Goodbye);
            async { "The goodbye is said for you.".to_owned() }
        })
    }

    fn with_transfers(&self, asked: Ask, decision: &Decision) -> Ask {
        let names: Vec<&str> = self.page.transfers.iter().map(|transfer| transfer.name.as_str()).collect();
        let when: Vec<String> = self
            .page
            .transfers
            .iter()
            .map(|transfer| format!("{}: {}", transfer.name, transfer.when))
            .collect();
        let said = "what the caller wants, in one sentence, for whoever picks up";
        let puts_through = tool(
            TRANSFER,
            &format!("Puts the caller through to a person. When, and to whom:\n{}", when.join("\n")),
            json!({
                "type": "object",
                "properties": {
                    "to": { "type": "string", "enum": names },
                    "brief": { "type": "string", "description": said },
                },
                "required": ["to", "brief"],
            }),
        );
        let (call, page) = (self.call.clone(), self.page.clone());
        let (fields, decision) = (self.fields.clone(), decision.clone());
        asked.tool(puts_through, move |arguments| {
            let told = put_through(&call, &page, &fields, &decision, &arguments);
            async { told }
        })
    }
}

impl persona::Role for Agent {
    type State = State;

    fn frame<'s>(&self, state: &'s mut State) -> &'s mut Frame {
        &mut state.frame
    }

    fn greeting(&self) -> String {
        let outbound = self.call.opening().direction == Direction::Outbound;
        let own = self.page.outbound_greeting.as_ref().filter(|_| outbound);
        self.text(own.unwrap_or(&self.page.greeting))
    }

    fn goodbye(&self) -> String {
        self.text(&self.page.goodbye)
    }

    fn voicemail(&self) -> Option<String> {
        self.page.voicemail.as_ref().map(|message| self.text(message))
    }

    fn still_there(&self) -> String {
        self.text(&self.page.silence.ask)
    }

    fn most_silences(&self) -> u32 {
        self.page.end.max_silences
    }

    fn say_again(&self) -> String {
        self.text(&self.page.model.say_again)
    }

    fn apology(&self) -> String {
        self.text(&self.page.model.apology)
    }

    fn hears(&self, _: &Call, state: &mut State, turn: &Turn) -> bool {
        state.turn = turn.number;
        says_goodbye(&turn.said.text, &self.page.end.phrases)
    }

    fn pressed(&self, keys: &str) -> Option<String> {
        Some(format!("The caller has pressed these keys of the telephone: {keys}"))
    }

    async fn answer(&self, call: &Call, state: &mut State, may_put_through: bool) -> Next {
        let decision = Decision::default();
        let may_put_through = may_put_through && !self.page.transfers.is_empty();
        let told = instructions::instructions(
            call,
            &self.page,
            &self.fields.get(),
            &self.text(&self.page.instructions),
        );
        let mut asked =
            self.with_end(self.with_tools(self.with_fields(call.ask(told), state.turn)), &decision);
        if may_put_through {
            asked = self.with_transfers(asked, &decision);
        }
        if let Some(temperature) = self.page.model.temperature {
            asked = asked.temperature(temperature);
        }
        if let Some(most) = self.page.model.max_tokens {
            asked = asked.max_tokens(most);
        }
        let report = asked.await;
        let next = decision.after(&report);
        if next != Next::Listen || report.ending != Ending::Complete {
            return next;
        }
        let is_question = report.answer.trim_end().ends_with(['?', '？', '؟']);
        let is_last = self.page.end.max_turns.is_some_and(|most| state.turn >= most);
        if is_last || self.is_finished(is_question) { Next::Goodbye } else { Next::Listen }
    }
}

impl Agent {
    /// Whether everything was found out and read back before this answer, and the caller is asked nothing
    /// more. Otherwise, if there is nothing to find out, this answer has read it back.
    fn is_finished(&self, is_question: bool) -> bool {
        let mut fields = self.fields.get_mut();
        if !self.page.end.after_fields || !fields.missing(&self.page).is_empty() {
            return false;
        }
        if fields.is_read_back() {
            return !is_question;
        }
        fields.note_read_back();
        false
    }
}

/// What the model is told about something that it saves.
fn save(call: &Call, page: &Page, fields: &Shared, turn: u32, arguments: &Value) -> String {
    let name = arguments.get("name").and_then(Value::as_str).unwrap_or_default();
    let Some(field) = page.field(name) else {
        let names: Vec<&str> = page.fields.iter().map(|field| field.name.as_str()).collect();
        return format!("Error: {name:?} is not to be saved; there are: {}.", names.join(", "));
    };
    let value = arguments.get("value").unwrap_or(&Value::Null);
    let confirmed = arguments.get("confirmed").and_then(Value::as_bool).unwrap_or_default();
    let mut fields = fields.get_mut();
    let saved = match fields.save(field, value, turn, confirmed) {
        Ok(saved) => saved,
        Err(wrong) => return format!("Error: {name} was not saved: {wrong}. Ask the caller again."),
    };
    let told = match saved {
        Saved::Kept(value) => {
            call.keep(name, &value);
            format!("Saved: {name} is {value}.")
        }
        Saved::Unconfirmed(value) => {
            call.keep(name, &value);
            format!(
                "Saved: {name} is {value}, and it is not confirmed. Ask the caller whether it is right; when the \
                 caller has said yes, save it again with confirmed = true."
            )
        }
    };
    format!("{told} {}", instructions::progress(page, &fields))
}

fn put_through(call: &Call, page: &Page, fields: &Shared, decision: &Decision, arguments: &Value) -> String {
    let argument =
        |name: &str| arguments.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    let to = argument("to");
    // who has only one does not always name it
    let only = match &page.transfers[..] {
        [only] if to.is_empty() => Some(only),
        _ => page.transfers.iter().find(|transfer| transfer.name == to),
    };
    let Some(transfer) = only else {
        let names: Vec<&str> = page.transfers.iter().map(|transfer| transfer.name.as_str()).collect();
        return format!("Error: {to:?} is nobody to put through to; there are: {}.", names.join(", "));
    };
    let brief = match &transfer.brief {
        Some(brief) => {
            let fields = fields.get();
            brief.text(&|place: &Place| scene::value(call, page, Some(&fields), place))
        }
        None => argument("brief").to_owned(),
    };
    let brief = Some(brief).filter(|brief| !brief.trim().is_empty());
    decision.make(Next::PutThrough { to: transfer.to.clone(), brief });
    "The caller is put through once you have said so, in one short sentence.".into()
}

persona::persona!(talk);
