//! The spans of one call: the call, its turns, and what the stages of each turn took. They have names,
//! ids and times; never what was said.

use crate::access::random;
use crate::calls::stages::{StageEnd, StageTimes};
use call::{Moment, TurnTimes};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Of the longest calls, the beginning is told.
const MOST: usize = 10_000;

/// Gathers what happens in one call.
pub struct CallTrace {
    /// the call's zero
    began: SystemTime,
    trace: TraceId,
    /// ids of spans follow from this one
    span: u64,
    attributes: Vec<KeyValue>,
    turns: BTreeMap<u32, Turn>,
    stages: Vec<StageTimes>,
}

#[derive(Default)]
struct Turn {
    revision: u32,
    began: Option<Moment>,
    ended: Option<Moment>,
    interrupted: bool,
}

impl Turn {
    fn covers(&mut self, began: Moment, ended: Moment) {
        self.began = Some(self.began.map_or(began, |known| known.min(began)));
        self.ended = Some(self.ended.map_or(ended, |known| known.max(ended)));
    }
}

impl CallTrace {
    /// None: there is no randomness for its ids.
    pub fn new(call_sid: &str, attributes: Vec<(&'static str, String)>) -> Option<Self> {
        let trace = TraceId::from_bytes(random().ok()?);
        let attributes = attributes.into_iter().map(|(name, value)| KeyValue::new(name, value));
        let sid = KeyValue::new("call.sid", call_sid.to_owned());
        Some(Self {
            began: SystemTime::now(),
            trace,
            span: u64::from_be_bytes(random().ok()?),
            attributes: std::iter::once(sid).chain(attributes).collect(),
            turns: BTreeMap::new(),
            stages: Vec::new(),
        })
    }

    pub fn stage(&mut self, times: &StageTimes) {
        if self.stages.len() < MOST {
            self.stages.push(times.clone());
        }
    }

    /// The times of a turn, as one of its revisions had them.
    pub fn turn(&mut self, times: &TurnTimes) {
        let moments = [
            times.end_of_speech,
            times.transcript,
            times.closed,
            times.first_token,
            times.first_piece,
            times.first_audio,
            times.first_frame,
        ];
        let reached = || moments.iter().flatten().copied();
        if let (Some(began), Some(ended)) = (reached().min(), reached().max()) {
            let turn = self.turns.entry(times.number).or_default();
            turn.revision = turn.revision.max(times.revision);
            turn.covers(began, ended);
        }
    }

    /// The caller has cut the agent short in this turn.
    pub fn interrupted(&mut self, turn: u32) {
        if turn > 0 {
            self.turns.entry(turn).or_default().interrupted = true;
        }
    }

    /// All spans, once the call is over. The outermost comes first.
    pub fn end(mut self, ended: Moment, departure: &'static str, failed: bool) -> Vec<SpanData> {
        for times in &self.stages {
            if times.turn > 0 {
                self.turns.entry(times.turn).or_default().covers(times.began, times.last);
            }
        }
        let call = self.id();
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.push(KeyValue::new("departure", departure));
        let turns = self.turns.keys().next_back().copied().unwrap_or_default();
        attributes.push(KeyValue::new("turns", i64::from(turns)));
        let status = if failed { Status::error("the call failed") } else { Status::Unset };
        let all = (Moment::START, ended.max(self.latest()));
        let mut spans =
            vec![self.span("call", call, SpanId::INVALID, SpanKind::Server, all, attributes, status)];
        let mut parents = BTreeMap::from([(0, call)]);
        for (number, turn) in std::mem::take(&mut self.turns) {
            let (Some(began), Some(ended)) = (turn.began, turn.ended) else { continue };
            let id = self.id();
            parents.insert(number, id);
            let attributes = vec![
                KeyValue::new("turn", i64::from(number)),
                KeyValue::new("revision", i64::from(turn.revision)),
                KeyValue::new("interrupted", turn.interrupted),
            ];
            let times = (began, ended);
            spans.push(self.span("turn", id, call, SpanKind::Internal, times, attributes, Status::Unset));
        }
        for times in std::mem::take(&mut self.stages) {
            let id = self.id();
            let parent = parents.get(&times.turn).copied().unwrap_or(call);
            let status = match times.end {
                StageEnd::Failed => Status::error("it failed, or gave nothing in time"),
                StageEnd::Complete | StageEnd::Cancelled => Status::Unset,
            };
            let name = times.stage.name();
            let within = (times.began, times.last.max(times.began));
            let attributes = stage_attributes(&times);
            spans.push(self.span(name, id, parent, SpanKind::Client, within, attributes, status));
        }
        spans
    }

    /// The call goes on for a moment after it has said that it is over.
    fn latest(&self) -> Moment {
        let turns = self.turns.values().filter_map(|turn| turn.ended);
        turns.chain(self.stages.iter().map(|times| times.last)).max().unwrap_or(Moment::START)
    }

    fn id(&mut self) -> SpanId {
        // zero is none
        self.span = self.span.wrapping_add(1).max(1);
        SpanId::from_bytes(self.span.to_be_bytes())
    }

    #[expect(clippy::too_many_arguments, reason = "a span is all of this")]
    fn span(
        &self,
        name: &'static str,
        id: SpanId,
        parent: SpanId,
        kind: SpanKind,
        (began, ended): (Moment, Moment),
        attributes: Vec<KeyValue>,
        status: Status,
    ) -> SpanData {
        SpanData {
            span_context: SpanContext::new(self.trace, id, TraceFlags::SAMPLED, false, TraceState::default()),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: kind,
            name: name.into(),
            start_time: self.began + began.elapsed(),
            end_time: self.began + ended.elapsed(),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: InstrumentationScope::builder("cordboard").build(),
        }
    }
}

fn stage_attributes(times: &StageTimes) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("provider", times.provider.clone()),
        KeyValue::new("turn", i64::from(times.turn)),
        KeyValue::new("cancelled", times.end == StageEnd::Cancelled),
    ];
    if let Some(first) = times.first() {
        attributes.push(KeyValue::new("first_ms", Value::F64(first.as_secs_f64() * 1000.0)));
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::stages::Stage;
    use std::time::Duration;

    fn at(ms: u64) -> Moment {
        Moment::since_start(Duration::from_millis(ms))
    }

    #[test]
    fn the_stages_lie_in_their_turn_and_the_turns_in_their_call() {
        let mut trace = CallTrace::new("CA1", vec![("persona", "guest-relations".into())]).unwrap();
        let stage = |stage, turn, began, last| StageTimes {
            stage,
            provider: "somebody".into(),
            turn,
            began: at(began),
            first: Some(at(began + 10)),
            last: at(last),
            end: StageEnd::Complete,
        };
        trace.stage(&stage(Stage::Tts, 0, 50, 900));
        trace.stage(&stage(Stage::Stt, 1, 5000, 5100));
        trace.stage(&stage(Stage::Llm, 1, 5500, 6500));
        trace.stage(&stage(Stage::Tts, 1, 5700, 7000));
        let times = TurnTimes {
            number: 1,
            revision: 1,
            end_of_speech: Some(at(4990)),
            first_frame: Some(at(5800)),
            ..TurnTimes::default()
        };
        trace.turn(&times);
        trace.interrupted(1);
        let spans = trace.end(at(6900), "caller", false);
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
        assert_eq!(names, ["call", "turn", "tts", "stt", "llm", "tts"]);
        let id = |span: &SpanData| span.span_context.span_id();
        let (call, turn) = (&spans[0], &spans[1]);
        assert_eq!(call.parent_span_id, SpanId::INVALID);
        assert_eq!((turn.parent_span_id, spans[2].parent_span_id), (id(call), id(call)));
        for (inner, outer) in spans[3..].iter().map(|stage| (stage, turn)).chain([(turn, call)]) {
            assert_eq!(inner.parent_span_id, id(outer));
            assert!(outer.start_time <= inner.start_time && inner.end_time <= outer.end_time, "{inner:?}");
        }
        assert!(turn.attributes.contains(&KeyValue::new("interrupted", true)));
        assert!(call.attributes.contains(&KeyValue::new("call.sid", "CA1")));
        let ids: std::collections::BTreeSet<_> = spans.iter().map(|span| id(span).to_bytes()).collect();
        assert_eq!(ids.len(), spans.len());
    }
}
