//! What the callers say: synthesised once, shared by all, in frames ready to be sent.

use anyhow::ensure;
use audio::{detect, g711};
use twilio::stream::encode_payload;

/// Samples in 20 ms.
pub const FRAME: usize = 160;
/// Louder than this is no silence, in dB relative to full scale.
const AUDIBLE: f32 = -45.0;

pub struct Speech {
    /// payloads of 20 ms each, from the first that is audible to the last
    pub frames: Vec<String>,
    /// a payload of silence
    pub silence: String,
}

impl Speech {
    pub fn new(text: &str) -> anyhow::Result<Self> {
        let samples = caller::synthesise(text);
        let frames: Vec<&[i16]> = samples.chunks_exact(FRAME).collect();
        let first = frames.iter().position(|frame| is_audible(frame));
        let last = frames.iter().rposition(|frame| is_audible(frame));
        let audible = first.zip(last).and_then(|(first, last)| frames.get(first..=last)).unwrap_or_default();
        ensure!(audible.len() > 50, "the voice says nothing");
        let payload = |frame: &&[i16]| encode_payload(&g711::encode_all(frame));
        let silence = encode_payload(&[g711::SILENCE; FRAME]);
        Ok(Self { frames: audible.iter().map(payload).collect(), silence })
    }
}

/// Whether there is anything to be heard.
pub fn is_audible(samples: &[i16]) -> bool {
    detect::level(samples) > AUDIBLE
}
