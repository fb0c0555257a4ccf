//! Whether a component can be used at all, before there is a caller: a session of it is opened, and nobody
//! is told anything. A provider reaches for no server then.

use crate::component::{Generation, Instances, LoadError};
use crate::session::{Fault, LineAbilities, Listening, Scene, Speaking, Surroundings};
use call::persona::{Answerer, Direction};
use call::{Failure, Moment, llm, stt, tts};
use std::sync::Arc;
use tokio::sync::mpsc;

impl Generation {
    /// Opens a session, and drops it. The inner error: it refuses its settings, or breaks.
    pub fn probe(self: &Arc<Self>) -> Result<Result<(), Fault>, LoadError> {
        let (arrivals, _) = mpsc::channel(1);
        let surroundings = Surroundings::new("a probe", 0, 0, arrivals);
        Ok(match &self.instances {
            Instances::Persona(_) => {
                self.open_persona(&surroundings, Moment::START, &Scene::with_nobody())?.map(drop)
            }
            Instances::Stt(_) => {
                let (session, effects) = self.open_stt(&surroundings, Moment::START, Listening::default())?;
                verdict(session.broke(), effects, |effect| match effect {
                    stt::Effect::Failed(failure) => Some(failure),
                    _ => None,
                })
            }
            Instances::Llm(_) => {
                let (session, effects) = self.open_llm(&surroundings, Moment::START)?;
                verdict(session.broke(), effects, |effect| match effect {
                    llm::Effect::Failed(failure) => Some(failure),
                    _ => None,
                })
            }
            Instances::Tts(_) => {
                let (session, effects) = self.open_tts(&surroundings, Moment::START, Speaking::default())?;
                verdict(session.broke(), effects, |effect| match effect {
                    tts::Effect::Failed(failure) => Some(failure),
                    _ => None,
                })
            }
        })
    }
}

/// What a provider's first effects say of it.
fn verdict<E>(broke: Option<&str>, effects: Vec<E>, failed: fn(E) -> Option<Failure>) -> Result<(), Fault> {
    if let Some(how) = broke {
        return Err(Fault::Trapped(how.to_owned()));
    }
    effects.into_iter().find_map(failed).map_or(Ok(()), |failure| Err(Fault::Refused(failure)))
}

impl Scene {
    /// A call in which there is nobody.
    pub fn with_nobody() -> Self {
        Self {
            seed: 0,
            timezone: "UTC".into(),
            language: "en-US".into(),
            call: "CA00000000000000000000000000000000".into(),
            direction: Direction::Inbound,
            caller: None,
            called: None,
            parameters: Vec::new(),
            initial_message: None,
            answered_by: Answerer::Unknown,
            line: LineAbilities {
                hears_audio: true,
                speaks_audio: true,
                can_speak_unasked: true,
                can_send_digits: true,
            },
        }
    }
}
