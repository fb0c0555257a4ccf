//! One piece of text on its way to audio: a request, and what comes back.

use plugin::net::Head;
use plugin::refusal::Refusal;
use plugin::samples::Samples;
use plugin::{Cause, Failure, Outcome};

/// A minute at 24 kHz: no piece of text that the host cuts is spoken for so long.
const MOST_HELD: usize = 60 * 24_000 * 2;

pub(crate) struct Job {
    pub(crate) utterance: u32,
    pub(crate) text: String,
    /// none: the one in the settings
    pub(crate) voice: Option<String>,
    /// none: not asked for yet
    pub(crate) connection: Option<u32>,
    samples: Samples,
    /// audio that came before its turn
    held: Vec<u8>,
    refusal: Option<Refusal>,
    ended: Option<Result<(), Failure>>,
}

impl Job {
    pub(crate) fn new(utterance: u32, text: String, voice: Option<String>) -> Self {
        Self {
            utterance,
            text,
            voice,
            connection: None,
            samples: Samples::default(),
            held: Vec::new(),
            refusal: None,
            ended: None,
        }
    }

    /// Something came of its request. Whether the request is to be given up.
    pub(crate) fn came(&mut self, outcome: Outcome) -> bool {
        if self.ended.is_some() {
            return false;
        }
        match outcome {
            Outcome::Head(head) => match Refusal::new(head) {
                Ok(refusal) => self.refusal = Some(refusal),
                Err(head) => {
                    if let Some(kind) = other_than_samples(&head) {
                        let message = format!("it was asked for samples, and gave {kind}");
                        self.ended = Some(Err(plugin::failure(Cause::Garbled, message)));
                        return true;
                    }
                }
            },
            Outcome::Body(piece) => match &mut self.refusal {
                Some(refusal) => refusal.push(&piece),
                None => self.held.append(&mut self.samples.whole(piece)),
            },
            Outcome::Closed(_) => {
                self.ended = Some(self.refusal.take().map_or(Ok(()), |refusal| Err(refusal.failure())));
            }
            Outcome::Failed(failure) => self.ended = Some(Err(failure.into())),
            Outcome::Opened | Outcome::Frame(_) => {}
        }
        if self.held.len() > MOST_HELD {
            let message = format!("a minute of audio for {} characters", self.text.chars().count());
            self.ended = Some(Err(plugin::failure(Cause::Garbled, message)));
            self.held.clear();
            return true;
        }
        false
    }

    /// Its audio so far; may be empty.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// How it ended; none: it has not.
    pub(crate) fn ended(&self) -> Option<&Result<(), Failure>> {
        self.ended.as_ref()
    }
}

/// What a server gives that does not heed the wish for samples. To play it as samples would be a
/// loud noise in somebody's ear.
fn other_than_samples(head: &Head) -> Option<&str> {
    let kind = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-type"))?;
    let kind = kind.value.split(';').next().unwrap_or_default().trim();
    let (class, form) = kind.split_once('/')?;
    let form = form.strip_prefix("x-").unwrap_or(form).to_ascii_lowercase();
    let packed = ["mpeg", "mp3", "mp4", "aac", "wav", "wave", "ogg", "opus", "webm", "flac"];
    let wrong = match class.to_ascii_lowercase().as_str() {
        "text" => true,
        "application" => form == "json",
        _ => packed.contains(&form.as_str()),
    };
    wrong.then_some(kind)
}
