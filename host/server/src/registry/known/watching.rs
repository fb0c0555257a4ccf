//! A call as others see it: as it is, and what happens in it.

use super::{Facts, Known, Stage};
use crate::registry::sharing::Changes;
use crate::registry::view::{Line, direction_name};
use crate::registry::{Event, View, What};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tokio::sync::broadcast;
use twilio::status::AnsweredBy;

/// Somebody who watches and is behind by more than this has missed something, and is told so.
const WATCHED: usize = 256;

impl Known {
    pub fn view(&self) -> View {
        self.seen(false)
    }

    /// The same; `brief`: without what was said.
    pub fn seen(&self, brief: bool) -> View {
        let facts = self.facts();
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let end = facts.over;
        let counted = facts.attached.map(|start| end.unwrap_or_else(Timestamp::now).duration_since(start));
        let counted = counted.and_then(|length| u64::try_from(length.as_secs()).ok());
        View {
            call_sid: facts.sid.clone().or_else(|| self.id.starts_with("CA").then(|| self.id.clone())),
            id: self.id.clone(),
            status: facts.status(),
            direction: direction_name(facts.direction).to_owned(),
            from: text(&facts.dialled.from),
            to: text(&facts.dialled.to),
            answered_by: facts.answered_by.as_ref().map(AnsweredBy::to_string),
            live: matches!(facts.stage, Stage::Live(_)),
            created_at: self.created.to_string(),
            start_time: facts.attached.map(|at| at.to_string()),
            end_time: end.map(|at| at.to_string()),
            duration: facts.duration.map(|length| length.as_secs()).or(counted),
            departure: facts.departed(),
            outcome: facts.outcome.clone(),
            speaking: facts.standing.speaking().filter(|_| !brief).map(str::to_owned),
            kept: if brief { BTreeMap::new() } else { facts.kept.clone() },
            conversation: if brief { Vec::new() } else { facts.conversation.clone() },
            line: facts.line.map(|line| line.name().to_owned()),
            console: facts.console.is_some(),
            persona: facts.standing.persona.clone(),
            providers: facts.standing.providers.clone(),
            state: facts.state().to_owned(),
            state_since: facts.standing.since.clone(),
            turns: facts.standing.turns,
            interruptions: facts.standing.interruptions,
            failovers: facts.standing.failovers,
            latency_ms: facts.standing.latency_ms,
            trouble: facts.standing.trouble.iter().cloned().collect(),
            node: self.shared.changes.as_ref().map(Changes::node),
        }
    }

    /// The call as it is, and everything that happens from there on.
    pub fn watch(&self) -> (View, broadcast::Receiver<Event>) {
        // first the ear: something that happens in between is told twice rather than never
        let events = self.facts().events.get_or_insert_with(|| broadcast::Sender::new(WATCHED)).subscribe();
        (self.view(), events)
    }

    /// Keeps what is worth it, and tells those who watch.
    pub fn publish(&self, what: What) {
        let mut facts = self.facts();
        facts.standing.follow(&what, || Timestamp::now().to_string());
        // what an operator looks for on any node
        let tells = matches!(
            what,
            What::Metrics { .. } | What::Trouble { .. } | What::FailedOver { .. } | What::Exchanged { .. }
        );
        if tells {
            self.changed();
        }
        let is_kept =
            matches!(what, What::Turn { .. } | What::Spoke { .. } | What::Kept { .. } | What::Outcome { .. });
        if facts.events.is_none() && !is_kept {
            return;
        }
        let at = Timestamp::now().to_string();
        match &what {
            What::Turn { number, text, .. } => {
                let line =
                    Line { at: at.clone(), who: "caller".into(), text: text.clone(), turn: Some(*number) };
                match facts.conversation.iter_mut().rev().find(|line| line.turn == Some(*number)) {
                    Some(earlier) => *earlier = line,
                    None => facts.said(line),
                }
            }
            What::Spoke { heard, .. } if !heard.is_empty() => {
                facts.said(Line { at: at.clone(), who: "agent".into(), text: heard.clone(), turn: None });
            }
            What::Kept { fields } => facts.kept.extend(fields.clone()),
            What::Outcome { outcome } => facts.outcome = Some(outcome.clone()),
            _ => {}
        }
        if let Some(events) = &facts.events
            && events.send(Event { at, what }).is_err()
        {
            // nobody watches any more
            facts.events = None;
        }
    }
}

impl Facts {
    /// What goes on in it, in a word.
    fn state(&self) -> &'static str {
        match self.stage {
            Stage::Told | Stage::Announced(_) => "ringing",
            Stage::Live(_) => self.standing.state(),
            Stage::Over => "over",
        }
    }
}
