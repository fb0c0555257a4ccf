//! One PocketSphinx in a process of its own, one utterance after the other.
//!
//! Commands go to the process's stdin, answers come as JSON lines (`recogniser.py` has the table).
//! Every answer has a deadline. Dropping a recogniser kills its process.

use super::{
    Error, Grammar, python,
    wideband::{Noise, RATE},
};
use std::{process::Stdio, time::Duration};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Starting Python on a busy machine is what takes longest.
const PATIENCE: Duration = Duration::from_secs(60);

/// Audio is written in pieces of a second, whatever the length of a recording.
const PIECE: usize = RATE as usize;

pub(crate) struct Recogniser {
    /// Killed when dropped.
    _process: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    noise: Noise,
}

/// A recognised word; times in seconds from the start of the utterance.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub(crate) struct Word {
    pub(crate) word: String,
    pub(crate) start: f64,
    pub(crate) end: f64,
    /// 0 to 1.
    pub(crate) confidence: f64,
}

#[derive(serde::Deserialize)]
struct Answer {
    #[serde(default)]
    words: Vec<Word>,
    error: Option<String>,
    about: Option<String>,
}

impl Recogniser {
    /// Ready when the grammar is accepted.
    pub(crate) async fn start(grammar: &Grammar) -> Result<Self, Error> {
        let python = python();
        let mut process = Command::new(&python)
            .args(["-c", include_str!("recogniser.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Error::Start { python: python.clone(), error })?;
        let (Some(commands), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(failed("starting")("no pipe to it".into()));
        };
        let answers = BufReader::new(answers).lines();
        let mut recogniser = Self { _process: process, commands, answers, noise: Noise::new() };
        let wanted = serde_json::json!({
            "jsgf": grammar.to_jsgf(),
            "pronunciations": grammar.pronunciations(),
        });
        // a process that has already given up is heard in its answer, not in the broken pipe
        let sent = recogniser.command(b'G', wanted.to_string().as_bytes()).await;
        match recogniser.answer("reading the grammar").await {
            Err(e) => Err(sent.err().unwrap_or(e)),
            Ok(Answer { error: Some(reason), about, .. }) if about.as_deref() == Some("grammar") => {
                Err(Error::Grammar { reason })
            }
            Ok(Answer { error: Some(reason), .. }) => Err(Error::NoPocketSphinx { python, reason }),
            Ok(_) => sent.map(|()| recogniser),
        }
    }

    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        self.noise = Noise::new();
        self.command(b'B', &[]).await
    }

    /// Audio of the utterance, at 16 kHz.
    pub(crate) async fn hear(&mut self, samples: &[i16]) -> Result<(), Error> {
        for piece in self.noise.add_to(samples).chunks(PIECE) {
            let bytes: Vec<u8> = piece.iter().flat_map(|s| s.to_le_bytes()).collect();
            self.command(b'A', &bytes).await?;
        }
        Ok(())
    }

    /// What the utterance sounds like so far.
    pub(crate) async fn so_far(&mut self) -> Result<Vec<Word>, Error> {
        self.command(b'P', &[]).await?;
        Ok(self.answer("recognising an utterance").await?.words)
    }

    /// Ends the utterance.
    pub(crate) async fn end(&mut self) -> Result<Vec<Word>, Error> {
        self.command(b'E', &[]).await?;
        Ok(self.answer("finishing an utterance").await?.words)
    }

    async fn command(&mut self, letter: u8, payload: &[u8]) -> Result<(), Error> {
        let length = (payload.len() as u32).to_le_bytes();
        let command = [&[letter], length.as_slice(), payload].concat();
        let written = tokio::time::timeout(PATIENCE, self.commands.write_all(&command)).await;
        let failed = failed("taking audio and commands");
        written.map_err(|_| failed("it reads no longer".into()))?.map_err(|e| failed(e.to_string()))
    }

    async fn answer(&mut self, doing: &'static str) -> Result<Answer, Error> {
        let failed = failed(doing);
        let line = tokio::time::timeout(PATIENCE, self.answers.next_line())
            .await
            .map_err(|_| failed(format!("no answer within {} s", PATIENCE.as_secs())))?
            .map_err(|e| failed(e.to_string()))?
            .ok_or_else(|| failed("it ended".into()))?;
        serde_json::from_str(&line).map_err(|e| failed(format!("{e} in its answer {line:?}")))
    }
}

fn failed(doing: &'static str) -> impl Fn(String) -> Error {
    move |reason| Error::Process { doing, reason }
}
