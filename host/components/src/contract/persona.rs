//! Personas: opened, told events, giving actions.

use super::convert as to;
use super::script::exports::cordboard::component::persona as wit;
use super::{Opened, script as world};
use crate::session::Scene;
use crate::stock::Maker;
use crate::store::State;
use call::persona::{self, Action, Event};
use wasmtime::Store;
use wasmtime::component::InstancePre;

/// A running script.
pub(crate) struct Script(Opened<World>);

/// An instance of which a script can be opened.
pub(crate) type World = world::PersonaScript;

impl Script {
    /// How instances are made of what fits the contract; fails where it does not.
    pub(crate) fn check(instance: InstancePre<State>) -> wasmtime::Result<Maker<World>> {
        let pre = world::PersonaScriptPre::new(instance)?;
        Ok(Box::new(move |store| pre.instantiate(store)))
    }

    /// The outer error: it trapped. The inner one: it refused.
    pub(crate) fn open(
        world: World,
        store: &mut Store<State>,
        opening: &wit::Opening,
    ) -> wasmtime::Result<Result<Self, call::Failure>> {
        let script = world.cordboard_component_persona().script().call_open(store, opening)?;
        Ok(script.map(|session| Self(Opened { world, session })).map_err(to::failure))
    }

    /// Goes on where another session of the same persona was. The outer error: it trapped. The inner
    /// one: it refused.
    pub(crate) fn restore(
        world: World,
        store: &mut Store<State>,
        opening: &wit::Opening,
        snapshot: &str,
    ) -> wasmtime::Result<Result<Self, call::Failure>> {
        let script = world.cordboard_component_persona().script();
        let script = script.call_restore(store, opening, &snapshot.to_owned())?;
        Ok(script.map(|session| Self(Opened { world, session })).map_err(to::failure))
    }

    /// Everything that is needed to go on; none: not now.
    pub(crate) fn snapshot(&self, store: &mut Store<State>) -> wasmtime::Result<Option<String>> {
        self.0.world.cordboard_component_persona().script().call_snapshot(store, self.0.session)
    }

    pub(crate) fn handle(
        &self,
        store: &mut Store<State>,
        at: u64,
        events: &[wit::Event],
    ) -> wasmtime::Result<Vec<wit::Action>> {
        self.0.world.cordboard_component_persona().script().call_handle(store, self.0.session, at, events)
    }
}

/// What a script is opened with.
pub(crate) fn opening(scene: &Scene, now: u64, settings: &str) -> wit::Opening {
    let parameters = scene.parameters.iter();
    wit::Opening {
        seed: scene.seed,
        now,
        timezone: scene.timezone.clone(),
        language: scene.language.clone(),
        call: scene.call.clone(),
        direction: match scene.direction {
            persona::Direction::Inbound => wit::Direction::Inbound,
            persona::Direction::Outbound => wit::Direction::Outbound,
        },
        caller: scene.caller.clone(),
        called: scene.called.clone(),
        parameters: parameters
            .map(|(name, value)| wit::Parameter { name: name.clone(), value: value.clone() })
            .collect(),
        initial_message: scene.initial_message.clone(),
        answered_by: answerer(scene.answered_by),
        line: wit::Line {
            hears_audio: scene.line.hears_audio,
            speaks_audio: scene.line.speaks_audio,
            can_speak_unasked: scene.line.can_speak_unasked,
            can_send_digits: scene.line.can_send_digits,
        },
        settings: settings.to_owned(),
        handed: None,
    }
}

fn answerer(answerer: persona::Answerer) -> wit::Answerer {
    match answerer {
        persona::Answerer::Unknown => wit::Answerer::Unknown,
        persona::Answerer::Human => wit::Answerer::Human,
        persona::Answerer::MachineGreeting => wit::Answerer::MachineGreeting,
        persona::Answerer::MachineBeep => wit::Answerer::MachineBeep,
        persona::Answerer::Fax => wit::Answerer::Fax,
    }
}

fn utterance(said: persona::Utterance) -> wit::Utterance {
    wit::Utterance { text: said.text, confidence: said.confidence, language: said.language }
}

/// What a script is told, as it crosses.
pub(crate) fn event(event: Event) -> wit::Event {
    match event {
        Event::Started => wit::Event::Started,
        Event::Speaking => wit::Event::Speaking,
        Event::Partial(said) => wit::Event::Partial(utterance(said)),
        Event::Turn(persona::Turn { number, revision, said }) => {
            wit::Event::Turn(wit::Turn { number, revision, said: utterance(said) })
        }
        Event::Key(key) => wit::Event::Key(key),
        Event::Keys { digits, by } => {
            let by = match by {
                persona::CollectedBy::FinishKey => wit::CollectedBy::FinishKey,
                persona::CollectedBy::Max => wit::CollectedBy::Max,
                persona::CollectedBy::Timeout => wit::CollectedBy::Timeout,
            };
            wit::Event::Keys(wit::Keys { digits, by })
        }
        Event::Silence(length) => wit::Event::Silence(to::milliseconds(length)),
        Event::Done(persona::Report { id, ending, heard, answer }) => {
            let ending = match ending {
                persona::Ending::Complete => wit::Ending::Complete,
                persona::Ending::Interrupted => wit::Ending::Interrupted,
                persona::Ending::Cancelled => wit::Ending::Cancelled,
                persona::Ending::Failed => wit::Ending::Failed,
            };
            wit::Event::Done(wit::Report { id, ending, heard, answer })
        }
        Event::ToolCall { question, call } => {
            wit::Event::ToolCall(wit::CallForTool { question, call: to::call_out(call) })
        }
        Event::Response { id, outcome } => wit::Event::Response(wit::Response {
            id,
            outcome: outcome
                .map(|fetched| wit::Fetched { head: to::head(fetched.head), body: fetched.body })
                .map_err(to::net_failure),
        }),
        Event::Recalled { id, fields } => wit::Event::Recalled(wit::Recalled {
            id,
            fields: fields.map(|fields| fields.into_iter().map(field_out).collect()),
        }),
        Event::Timer(id) => wit::Event::Timer(id),
        Event::AnsweredBy(who) => wit::Event::AnsweredBy(answerer(who)),
        Event::Operator(text) => wit::Event::Operator(text),
        Event::LineLost => wit::Event::LineLost,
        Event::LineBack => wit::Event::LineBack,
        Event::Ended(departure) => wit::Event::Ended(match departure {
            persona::Departure::Caller => wit::Departure::Caller,
            persona::Departure::Script => wit::Departure::Script,
            persona::Departure::Transferred => wit::Departure::Transferred,
            persona::Departure::Failed => wit::Departure::Failed,
            persona::Departure::Limit => wit::Departure::Limit,
            persona::Departure::Operator => wit::Departure::Operator,
        }),
    }
}

fn field_out(field: persona::Field) -> wit::Field {
    wit::Field { name: field.name, value: field.value }
}

fn field_in(field: wit::Field) -> persona::Field {
    persona::Field { name: field.name, value: field.value }
}

fn manner(manner: wit::Manner) -> persona::Manner {
    let interruption = match manner.interruption {
        wit::Interruption::Nothing => persona::Interruption::Nothing,
        wit::Interruption::Keys => persona::Interruption::Keys,
        wit::Interruption::Speech => persona::Interruption::Speech,
        wit::Interruption::Anything => persona::Interruption::Anything,
    };
    persona::Manner { interruption, voice: manner.voice, language: manner.language }
}

fn question(question: wit::Question) -> persona::Question {
    persona::Question {
        id: question.id,
        instructions: question.instructions,
        context: match question.context {
            wit::Context::Conversation => persona::Context::Conversation,
            wit::Context::Messages(messages) => {
                persona::Context::Messages(messages.into_iter().map(to::message_in).collect())
            }
        },
        tools: question.tools.into_iter().map(to::tool_in).collect(),
        tool_choice: to::choice_in(question.tool_choice),
        schema: question.schema,
        max_tokens: question.max_tokens,
        temperature: question.temperature,
        aloud: question.aloud.map(manner),
    }
}

/// What a script asked for, in the call's words.
pub(crate) fn action(action: wit::Action) -> Action {
    match action {
        wit::Action::Say(wit::Speech { id, text, manner: how }) => {
            Action::Say { id, text, manner: manner(how) }
        }
        wit::Action::Play(wit::Clip { id, name, manner: how }) => {
            Action::Play { id, name, manner: manner(how) }
        }
        wit::Action::Ask(asked) => Action::Ask(question(asked)),
        wit::Action::ToolResult(result) => Action::ToolResult(to::result_in(result)),
        wit::Action::Cancel(id) => Action::Cancel(id),
        wit::Action::Listen(wit::Hint { keyterms, language, patience }) => {
            Action::Listen(persona::Hint { keyterms, language, patience: patience.map(to::time) })
        }
        wit::Action::Collect(wit::Collection { max, finish, timeout }) => {
            Action::Collect(persona::Collection { max, finish, timeout: to::time(timeout) })
        }
        wit::Action::Keep(fields) => Action::Keep(fields.into_iter().map(field_in).collect()),
        wit::Action::Outcome(text) => Action::Outcome(text),
        wit::Action::Note(text) => Action::Note(text),
        wit::Action::Fetch(wit::Fetch { id, request }) => Action::Fetch { id, request: to::request(request) },
        wit::Action::Recall(wit::Recall { id, field, value }) => Action::Recall { id, field, value },
        wit::Action::Timer(timer) => Action::Timer { id: timer.id, after: to::time(timer.after) },
        wit::Action::SendDigits(wit::Digits { id, digits }) => Action::SendDigits { id, digits },
        wit::Action::Transfer(wit::Transfer { id, to, brief }) => Action::Transfer { id, to, brief },
        wit::Action::PauseRecording(paused) => Action::PauseRecording(paused),
        wit::Action::Become(wit::Successor { persona, handed }) => Action::Become { persona, handed },
        wit::Action::HangUp => Action::HangUp,
    }
}
