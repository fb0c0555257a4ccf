//! What happens in a call, for the log, for those who watch, and for a far end that reads along.

use super::{Driver, watching};
use crate::calls::How;
use crate::config::LineKind;
use crate::registry::What;
use crate::routing::Route;
use crate::slots::Slot;
use call::{Moment, Observation, Provider};
use components::Scene;
use serde_json::json;
use twilio::number::masked;
use twilio::stream::Own;

impl Driver<'_> {
    /// Who does something in place of somebody else.
    pub(super) fn moved(&mut self) {
        for moved in self.providers.take_moved() {
            let (call_sid, stage, to) = (self.name.as_str(), moved.stage, moved.to.as_str());
            match &moved.how {
                How::Exchanged { generation, version } => {
                    tracing::info!(
                        call_sid,
                        stage,
                        component = to,
                        generation,
                        version,
                        "exchanged in the call"
                    );
                    self.app.figures.exchanged(stage, to);
                }
                How::FailedOver { from } => {
                    tracing::warn!(call_sid, stage, from, to, "another provider goes on");
                    self.app.figures.failed_over(stage, from, to);
                }
            }
            self.happened(What::from(moved));
        }
    }

    pub(super) async fn observed(&mut self, observation: Observation) {
        let observation = self.app.services.redaction.observation(observation);
        self.record.observed(&observation);
        self.measure_observed(&observation);
        match watching::what(&observation) {
            // what is kept of a turn besides its words
            Some(what @ What::Metrics { .. }) => self.happened(what),
            Some(what) => self.known.publish(what),
            None => {}
        }
        let call_sid = self.name.as_str();
        match observation {
            Observation::Caller { .. } | Observation::Partial(_) | Observation::Speaks { .. } => {}
            Observation::Turn(turn) => {
                let (number, revision, text) = (turn.number, turn.revision, turn.said.text);
                tracing::debug!(call_sid, turn = number, revision, text, "the caller's turn");
                if self.own {
                    let message = |stream_sid| Own::Turn { stream_sid, number, revision, text };
                    self.socket.own(message).await;
                }
            }
            Observation::Spoke { text, heard, ending, .. } => {
                tracing::debug!(call_sid, text, heard, ?ending, "the agent spoke");
                if self.own {
                    self.socket.own(|stream_sid| Own::Spoke { stream_sid, text, heard }).await;
                }
            }
            Observation::Times(times) => {
                let after = |moment: Option<Moment>| {
                    let passed = moment?.since(times.end_of_speech?);
                    Some(passed.as_millis() as u64)
                };
                tracing::info!(
                    call_sid,
                    turn = times.number,
                    revision = times.revision,
                    transcript_ms = after(times.transcript),
                    closed_ms = after(times.closed),
                    first_token_ms = after(times.first_token),
                    first_piece_ms = after(times.first_piece),
                    first_audio_ms = after(times.first_audio),
                    first_frame_ms = after(times.first_frame),
                    "turn, after the end of speech"
                );
            }
            Observation::Tool { turn, name, call, step } => {
                let step = step.name();
                tracing::info!(call_sid, turn, tool = name, call, step, "tool");
            }
            Observation::Kept(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                tracing::info!(call_sid, fields = names.join(","), "kept");
                for field in fields {
                    // it is kept all the same: it is the caller's
                    if let Some(problem) = self.providers.field_problem(&field) {
                        tracing::warn!(call_sid, field = field.name, "{problem}");
                        self.record.happened("trouble", json!({ "what": problem }));
                    }
                    tracing::debug!(call_sid, field = field.name, value = field.value, "kept");
                }
            }
            Observation::Outcome(outcome) => tracing::debug!(call_sid, outcome, "outcome"),
            Observation::FailedOver(provider) => {
                tracing::debug!(call_sid, provider = provider.name(), "it is tried again, or another is");
                if provider == Provider::Model {
                    self.providers.model_failed(self.now());
                }
            }
            Observation::Trouble(what) => tracing::warn!(call_sid, "{what}"),
        }
    }
}

/// Who does what in a call as it begins. On a line of words nobody of ours hears or speaks.
pub(super) fn served<'a>(route: &'a Route, persona: &'a str, line: LineKind) -> Vec<(&'static str, &'a str)> {
    let chains = [("stt", &route.stt, true), ("llm", &route.llm, false), ("tts", &route.tts, true)];
    let of_sound = chains.into_iter().filter(|(_, _, of_sound)| !(*of_sound && line.is_text()));
    let first = of_sound.filter_map(|(stage, chain, _)| Some((stage, chain.first()?.id())));
    std::iter::once(("persona", persona)).chain(first).collect()
}

pub(super) fn log_start(scene: &Scene, route: &Route, persona: &Slot) {
    tracing::info!(
        call_sid = scene.call,
        caller = scene.caller.as_deref().map(masked),
        called = scene.called.as_deref().map(masked),
        direction = ?scene.direction,
        route = route.name,
        persona = persona.id(),
        language = scene.language,
        stt = route.stt.names(),
        llm = route.llm.names(),
        tts = route.tts.names(),
        "call started"
    );
}
