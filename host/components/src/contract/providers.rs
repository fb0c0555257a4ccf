//! The three kinds of provider.

use super::convert as to;
use super::llm::exports::cordboard::component::llm as wit_llm;
use super::stt::exports::cordboard::component::stt as wit_stt;
use super::tts::exports::cordboard::component::tts as wit_tts;
use super::{Contract, Opened, Sorted, llm as llm_world, stt as stt_world, tts as tts_world};
use crate::egress::NetEvent;
use crate::manifest::Sound;
use crate::session::{Listening, Speaking};
use crate::sound::{Inward, Outward};
use crate::stock::Maker;
use crate::store::State;
use audio::resample::ResampleError;
use call::line::UtteranceId;
use call::{llm, stt, tts};
use wasmtime::Store;
use wasmtime::component::InstancePre;

pub struct SttContract;
pub struct LlmContract;
pub struct TtsContract;

/// The part of a [`Contract`] that differs between the kinds by nothing but names.
macro_rules! same_of_every_kind {
    ($words:ident, $wit:ident, $world:ty, $pre:ident::$Pre:ident, $interface:ident) => {
        type Event = $words::Event;
        type Effect = $words::Effect;
        type RawEvent = $wit::Event;
        type RawEffect = $wit::Effect;
        type World = $world;

        fn check(instance: InstancePre<State>) -> wasmtime::Result<Maker<$world>> {
            let pre = $pre::$Pre::new(instance)?;
            Ok(Box::new(move |store| pre.instantiate(store)))
        }

        fn handle(
            opened: &Opened<Self::World>,
            store: &mut Store<State>,
            at: u64,
            events: &[Self::RawEvent],
        ) -> wasmtime::Result<Vec<Self::RawEffect>> {
            opened.world.$interface().session().call_handle(store, opened.session, at, events)
        }

        fn net(event: NetEvent) -> Self::RawEvent {
            $wit::Event::Net(to::net_event(event))
        }

        fn timer(id: u32) -> Self::RawEvent {
            $wit::Event::Timer(id)
        }

        fn failed(failure: call::Failure) -> Self::Effect {
            $words::Effect::Failed(failure)
        }

        fn is_failed(effect: &Self::Effect) -> bool {
            matches!(effect, $words::Effect::Failed(_))
        }
    };
}

impl Contract for SttContract {
    same_of_every_kind!(
        stt,
        wit_stt,
        stt_world::SttProvider,
        stt_world::SttProviderPre,
        cordboard_component_stt
    );
    type Opening = Listening;
    type Converter = Outward;

    fn converter(sound: Sound) -> Result<Outward, ResampleError> {
        Outward::new(sound)
    }

    fn outward(converter: &mut Outward, event: stt::Event) -> Option<stt::Event> {
        match event {
            stt::Event::Audio(audio) => {
                Some(converter.convert(audio)).filter(|audio| !audio.is_empty()).map(stt::Event::Audio)
            }
            event => Some(event),
        }
    }

    fn inward(_: &mut Outward, effect: stt::Effect, given: &mut Vec<stt::Effect>) {
        given.push(effect);
    }

    fn open(
        world: Self::World,
        store: &mut Store<State>,
        Listening { language, keyterms }: Listening,
        sound: Sound,
        settings: &str,
    ) -> wasmtime::Result<Result<Opened<Self::World>, call::Failure>> {
        let settings = settings.to_owned();
        let opening = wit_stt::Opening { format: to::format(sound), language, keyterms, settings };
        let session = world.cordboard_component_stt().session().call_open(store, &opening)?;
        Ok(session.map(|session| Opened { world, session }).map_err(to::failure))
    }

    fn event(event: stt::Event) -> wit_stt::Event {
        match event {
            stt::Event::Audio(audio) => wit_stt::Event::Audio(audio),
            stt::Event::SpeechStarted => wit_stt::Event::SpeechStarted,
            stt::Event::SpeechEnded => wit_stt::Event::SpeechEnded,
            stt::Event::Finalize => wit_stt::Event::Finalize,
            stt::Event::Retune(stt::Tuning { language, keyterms }) => {
                wit_stt::Event::Retune(wit_stt::Tuning { language, keyterms })
            }
            stt::Event::Finish => wit_stt::Event::Finish,
        }
    }

    fn sort(effect: wit_stt::Effect) -> Sorted<stt::Effect> {
        let transcript = |transcript: wit_stt::Transcript| stt::Transcript {
            text: transcript.text,
            // what is none is not passed on: 0 to 1, and a number
            confidence: Some(transcript.confidence).filter(|c| c.is_finite()).unwrap_or(1.0).clamp(0.0, 1.0),
            words: transcript.words.into_iter().map(to::word).collect(),
            until: transcript.until.map(to::time),
        };
        Sorted::Effect(match effect {
            wit_stt::Effect::Net(effect) => return Sorted::Net(to::net_action(effect)),
            wit_stt::Effect::Timer(timer) => {
                return Sorted::Timer { id: timer.id, after: to::time(timer.after) };
            }
            wit_stt::Effect::CancelTimer(id) => return Sorted::CancelTimer(id),
            wit_stt::Effect::Partial(heard) => stt::Effect::Partial(transcript(heard)),
            wit_stt::Effect::Final(heard) => stt::Effect::Final(transcript(heard)),
            wit_stt::Effect::TurnStarted => stt::Effect::TurnStarted,
            wit_stt::Effect::TurnEnded => stt::Effect::TurnEnded,
            wit_stt::Effect::TurnEnding => stt::Effect::TurnEnding,
            wit_stt::Effect::TurnResumed => stt::Effect::TurnResumed,
            wit_stt::Effect::Usage(usage) => stt::Effect::Usage(to::usage(usage)),
            wit_stt::Effect::Finished => stt::Effect::Finished,
            wit_stt::Effect::Failed(failure) => stt::Effect::Failed(to::failure(failure)),
        })
    }
}

impl Contract for LlmContract {
    same_of_every_kind!(
        llm,
        wit_llm,
        llm_world::LlmProvider,
        llm_world::LlmProviderPre,
        cordboard_component_llm
    );
    type Opening = ();
    type Converter = ();

    fn converter(_: Sound) -> Result<(), ResampleError> {
        Ok(())
    }

    fn outward((): &mut (), event: llm::Event) -> Option<llm::Event> {
        Some(event)
    }

    fn inward((): &mut (), effect: llm::Effect, given: &mut Vec<llm::Effect>) {
        given.push(effect);
    }

    fn open(
        world: Self::World,
        store: &mut Store<State>,
        (): (),
        _: Sound,
        settings: &str,
    ) -> wasmtime::Result<Result<Opened<Self::World>, call::Failure>> {
        let opening = wit_llm::Opening { settings: settings.to_owned() };
        let session = world.cordboard_component_llm().session().call_open(store, &opening)?;
        Ok(session.map(|session| Opened { world, session }).map_err(to::failure))
    }

    fn event(event: llm::Event) -> wit_llm::Event {
        match event {
            llm::Event::Generate(prompt) => wit_llm::Event::Generate(wit_llm::Prompt {
                messages: prompt.messages.into_iter().map(to::message_out).collect(),
                tools: prompt.tools.into_iter().map(to::tool_out).collect(),
                tool_choice: to::choice_out(prompt.tool_choice),
                max_tokens: prompt.max_tokens,
                temperature: prompt.temperature,
                schema: prompt.schema,
            }),
            llm::Event::Cancel => wit_llm::Event::Cancel,
        }
    }

    fn sort(effect: wit_llm::Effect) -> Sorted<llm::Effect> {
        Sorted::Effect(match effect {
            wit_llm::Effect::Net(effect) => return Sorted::Net(to::net_action(effect)),
            wit_llm::Effect::Timer(timer) => {
                return Sorted::Timer { id: timer.id, after: to::time(timer.after) };
            }
            wit_llm::Effect::CancelTimer(id) => return Sorted::CancelTimer(id),
            wit_llm::Effect::Delta(text) => llm::Effect::Delta(text),
            wit_llm::Effect::ToolCall(call) => llm::Effect::ToolCall(to::call_in(call)),
            wit_llm::Effect::Usage(usage) => llm::Effect::Usage(to::usage(usage)),
            wit_llm::Effect::Finished(stop) => llm::Effect::Finished(to::stop(stop)),
            wit_llm::Effect::Failed(failure) => llm::Effect::Failed(to::failure(failure)),
        })
    }
}

impl Contract for TtsContract {
    same_of_every_kind!(
        tts,
        wit_tts,
        tts_world::TtsProvider,
        tts_world::TtsProviderPre,
        cordboard_component_tts
    );
    type Opening = Speaking;
    type Converter = Inward;

    fn converter(sound: Sound) -> Result<Inward, ResampleError> {
        Inward::new(sound)
    }

    fn outward(converter: &mut Inward, event: tts::Event) -> Option<tts::Event> {
        match event {
            tts::Event::Begin { utterance, .. } => converter.begin(utterance),
            tts::Event::Cancel(utterance) => converter.forget(utterance),
            _ => {}
        }
        Some(event)
    }

    fn inward(converter: &mut Inward, effect: tts::Effect, given: &mut Vec<tts::Effect>) {
        match effect {
            tts::Effect::Audio { utterance, data } => {
                given.push(tts::Effect::Audio { utterance, data: converter.convert(utterance, data) });
            }
            tts::Effect::Finished(utterance) => {
                let data = converter.finish(utterance);
                if !data.is_empty() {
                    given.push(tts::Effect::Audio { utterance, data });
                }
                given.push(tts::Effect::Finished(utterance));
            }
            effect => given.push(effect),
        }
    }

    fn open(
        world: Self::World,
        store: &mut Store<State>,
        Speaking { language, voice }: Speaking,
        sound: Sound,
        settings: &str,
    ) -> wasmtime::Result<Result<Opened<Self::World>, call::Failure>> {
        let settings = settings.to_owned();
        let opening = wit_tts::Opening { format: to::format(sound), language, voice, settings };
        let session = world.cordboard_component_tts().session().call_open(store, &opening)?;
        Ok(session.map(|session| Opened { world, session }).map_err(to::failure))
    }

    fn event(event: tts::Event) -> wit_tts::Event {
        match event {
            tts::Event::Prepare => wit_tts::Event::Prepare,
            tts::Event::Begin { utterance, voice, language } => {
                wit_tts::Event::Begin(wit_tts::Utterance { id: utterance.0, voice, language })
            }
            tts::Event::Speak { utterance, text, last } => {
                wit_tts::Event::Speak(wit_tts::Piece { utterance: utterance.0, text, last })
            }
            tts::Event::Cancel(utterance) => wit_tts::Event::Cancel(utterance.0),
            tts::Event::More => wit_tts::Event::More,
        }
    }

    fn sort(effect: wit_tts::Effect) -> Sorted<tts::Effect> {
        Sorted::Effect(match effect {
            wit_tts::Effect::Net(effect) => return Sorted::Net(to::net_action(effect)),
            wit_tts::Effect::Timer(timer) => {
                return Sorted::Timer { id: timer.id, after: to::time(timer.after) };
            }
            wit_tts::Effect::CancelTimer(id) => return Sorted::CancelTimer(id),
            wit_tts::Effect::Audio(audio) => {
                tts::Effect::Audio { utterance: UtteranceId(audio.utterance), data: audio.data }
            }
            wit_tts::Effect::Timing(timing) => {
                tts::Effect::Timing { utterance: UtteranceId(timing.utterance), word: to::word(timing.word) }
            }
            wit_tts::Effect::Finished(id) => tts::Effect::Finished(UtteranceId(id)),
            wit_tts::Effect::More => tts::Effect::More,
            wit_tts::Effect::Usage(usage) => tts::Effect::Usage(to::usage(usage)),
            wit_tts::Effect::Failed(failure) => tts::Effect::Failed(to::failure(failure)),
        })
    }
}
