//! Speech recognition without a key, for test audio only: PocketSphinx with a small grammar.
//!
//! With the few phrases that a test expects, clear telephone audio is recognised well enough (98 of
//! 100 phrases, whoever speaks) to prove that the right words went over a line. Sentences outside
//! the grammar are mostly recognised as nothing; but a single word, or a hiss, may be taken for the
//! short phrase that sounds most like it. So this is no recogniser for people.
//!
//! PocketSphinx comes from PyPI and runs in a Python process: the one that the environment variable
//! `CORDBOARD_PYTHON` names, else `python3`.

pub(crate) mod endpointing;
mod grammar;
mod recogniser;
mod wideband;

pub use grammar::Grammar;
pub(crate) use recogniser::{Recogniser, Word};

pub(crate) use wideband::Upsampler;

use endpointing::{Endpointing, LEAD, Step, WINDOW};
use std::{ffi::OsString, io, process::Command, time::Duration};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot start {python:?} for speech recognition: {error}; set CORDBOARD_PYTHON to a Python 3")]
    Start { python: OsString, error: io::Error },
    #[error(
        "cannot recognise speech with {python:?}: {reason}; `pip install pocketsphinx` there, or set CORDBOARD_PYTHON to a Python that has it"
    )]
    NoPocketSphinx { python: OsString, reason: String },
    #[error("PocketSphinx does not take the grammar: {reason}")]
    Grammar { reason: String },
    #[error("the recogniser's process failed while {doing}: {reason}")]
    Process { doing: &'static str, reason: String },
    #[error("cannot resample audio of {hertz} Hz to 16000 Hz for the recogniser: {reason}")]
    Rate { hertz: u32, reason: String },
}

/// Whether speech can be recognised here; if not, why, and what to install.
pub fn available() -> Result<(), String> {
    let python = python();
    let output = Command::new(&python)
        .args(["-c", "import pocketsphinx"])
        .output()
        .map_err(|error| Error::Start { python: python.clone(), error }.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let reason = complaint.lines().last().unwrap_or("`import pocketsphinx` fails").to_owned();
    Err(Error::NoPocketSphinx { python, reason }.to_string())
}

/// The words in a whole recording of telephone audio (8000 Hz); none if nothing in it is in the
/// grammar. The recording may be long: it is taken apart at pauses of half a second, which a phrase
/// must not have inside.
///
/// Blocks for about a twentieth of the recording's length and the start of a process. It may be
/// called from anywhere, async code included.
pub fn recognise(samples: &[i16], grammar: &Grammar) -> Result<String, Error> {
    let failed = |reason: String| Error::Process { doing: "recognising a recording", reason };
    let recognising = async {
        let mut recogniser = Recogniser::start(grammar).await?;
        let heard = transcribe(&mut recogniser, samples).await?;
        Ok(heard.iter().map(|words| plain(words)).collect::<Vec<_>>().join(" "))
    };
    // a thread of its own, because a runtime must not be started within another
    std::thread::scope(|scope| {
        let recogniser = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|e| failed(e.to_string()))?.block_on(recognising)
        });
        recogniser.join().unwrap_or_else(|_| Err(failed("its thread panicked".into())))
    })
}

/// The words in a recording of telephone audio, utterance by utterance.
pub(crate) async fn transcribe(
    recogniser: &mut Recogniser,
    samples: &[i16],
) -> Result<Vec<Vec<Word>>, Error> {
    let mut upsampler = Upsampler::new(audio::TELEPHONE)?;
    let mut wideband = upsampler.push(samples)?;
    wideband.extend(upsampler.finish()?);
    let mut heard = Vec::new();
    for utterance in utterances(&wideband) {
        recogniser.begin().await?;
        recogniser.hear(&utterance).await?;
        heard.push(recogniser.end().await?);
    }
    heard.retain(|words| !words.is_empty());
    Ok(heard)
}

/// Words as they are recognised.
pub(crate) fn plain(words: &[Word]) -> String {
    words.iter().map(|w| w.word.as_str()).collect::<Vec<_>>().join(" ")
}

/// The words of a sentence as they are written: a capital, "I", and a full stop when it is complete.
pub(crate) fn written(words: &[Word], complete: bool) -> String {
    let write = |(n, word): (usize, &Word)| {
        let word = &word.word;
        let mut letters = word.chars();
        let capital = n == 0 || word == "i" || word.starts_with("i'");
        match letters.next().filter(|_| capital) {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => word.clone(),
        }
    };
    let mut sentence = words.iter().enumerate().map(write).collect::<Vec<String>>().join(" ");
    if complete && !sentence.is_empty() {
        sentence.push('.');
    }
    sentence
}

/// What is said in a recording, with the silence around it, from pause to pause.
fn utterances(wideband: &[i16]) -> Vec<Vec<i16>> {
    let mut endpointing = Endpointing::new(Duration::from_millis(500));
    let mut utterances = Vec::new();
    let mut current: Vec<i16> = Vec::new();
    let mut speaking = false;
    for window in wideband.chunks(WINDOW) {
        current.extend(window);
        match endpointing.step(window) {
            Step::Silence => drop(current.drain(..current.len().saturating_sub(LEAD * WINDOW))),
            Step::Started(_) => speaking = true,
            Step::Speech => {}
            Step::Ended => {
                speaking = false;
                utterances.push(std::mem::take(&mut current));
            }
        }
    }
    if speaking {
        utterances.push(current);
    }
    utterances
}

fn python() -> OsString {
    std::env::var_os("CORDBOARD_PYTHON").unwrap_or_else(|| "python3".into())
}
