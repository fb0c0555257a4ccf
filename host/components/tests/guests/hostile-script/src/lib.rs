//! Does what a script must not do, at every entry there is. Which of it is chosen by the setting
//! `mode`.

use hostile_misdeeds as misdeeds;
use persona::contract::{
    Action, Event, Fetch, Guest, GuestScript, Interruption, Manner, Opening, Script, Speech, Successor,
};
use persona::{Cause, Failure, Header, Request};
use serde::Deserialize;
use std::cell::Cell;

#[derive(Deserialize)]
struct Settings {
    mode: String,
}

pub struct Component;

pub struct Hostile {
    mode: String,
    events: Cell<u32>,
}

impl Guest for Component {
    type Script = Hostile;
}

impl Drop for Hostile {
    fn drop(&mut self) {
        misdeeds::at("drop", &self.mode);
    }
}

impl Hostile {
    fn begin(opening: &Opening, entry: &str) -> Result<Script, Failure> {
        let failure = |message| Failure { cause: Cause::Misconfigured, message, retry_after: None };
        let settings: Settings =
            serde_json::from_str(&opening.settings).map_err(|e| failure(e.to_string()))?;
        let mode = settings.mode;
        misdeeds::at(entry, &mode);
        if mode.strip_prefix("refuse-at-") == Some(entry) {
            return Err(failure(misdeeds::forged()));
        }
        Ok(Script::new(Self { mode, events: Cell::new(0) }))
    }
}

impl GuestScript for Hostile {
    fn open(opening: Opening) -> Result<Script, Failure> {
        Self::begin(&opening, "open")
    }

    fn restore(opening: Opening, _: String) -> Result<Script, Failure> {
        Self::begin(&opening, "restore")
    }

    fn snapshot(&self) -> Option<String> {
        misdeeds::at("snapshot", &self.mode);
        match self.mode.as_str() {
            "giant-snapshot" => Some("x".repeat(6 << 20)),
            "garbled-snapshot" => Some(misdeeds::garble()),
            _ => Some("{}".into()),
        }
    }

    fn handle(&self, _: u64, _: Vec<Event>) -> Vec<Action> {
        self.events.set(self.events.get() + 1);
        misdeeds::at("handle", &self.mode);
        if self.events.get() == 10 {
            misdeeds::at("tenth", &self.mode);
        }
        match self.mode.as_str() {
            "flood" => (0..5_000).map(Action::Cancel).collect(),
            "giant" => vec![Action::Note("x".repeat(6 << 20))],
            "garbled" => vec![Action::Note(misdeeds::garble())],
            // a list that ends outside its memory
            "endless" => {
                let mut list = std::mem::ManuallyDrop::new(Vec::<Action>::with_capacity(4));
                // SAFETY: none; it is what a component that lies about its lists hands over
                unsafe { Vec::from_raw_parts(list.as_mut_ptr(), 900, 1 << 24) }
            }
            "ids" => vec![say(1), say(1), say(u32::MAX), Action::Cancel(77), fetch(1), fetch(1)],
            "succeed" => vec![Action::Become(Successor { persona: "../etc".into(), handed: "{".into() })],
            _ => vec![],
        }
    }
}

fn say(id: u32) -> Action {
    let manner = Manner { interruption: Interruption::Nothing, voice: None, language: None };
    Action::Say(Speech { id, text: "me, me, me".into(), manner })
}

fn fetch(id: u32) -> Action {
    let headers = vec![Header { name: "host".into(), value: "evil.example.org".into() }];
    let url = "http://169.254.169.254/latest/meta-data/".into();
    Action::Fetch(Fetch { id, request: Request { method: "GET".into(), url, headers, body: vec![] } })
}

// a native library, as tests build it, cannot carry the names of the exports
#[cfg(target_arch = "wasm32")]
persona::bindings::export_persona!(Component with_types_in persona::bindings);
persona::manifest!("persona.toml");
