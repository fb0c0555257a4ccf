//! `POST {any prefix}/audio/transcriptions`: a recording, written down.

use super::refusal::Refusal;
use super::sending::{Answer, Kind, Sending};
use super::{Ear, Shared};
use crate::fault::{FLOOD, Fault};
use crate::speech::endpointing::{Endpointing, STEP, Step};
use crate::speech::{Recogniser, transcribe, written};
use audio::TELEPHONE;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use multer::Multipart;
use serde_json::json;
use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

/// The fields of a request (openai 3.52.0, `audio/transcriptions`).
const KNOWN: &[&str] = &[
    "chunking_strategy",
    "file",
    "include[]",
    "known_speaker_names[]",
    "known_speaker_references[]",
    "language",
    "model",
    "prompt",
    "response_format",
    "stream",
    "temperature",
    "timestamp_granularities[]",
];
/// How the vendor knows what is in a file: by the end of its name.
const EXTENSIONS: &[&str] = &["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];
/// What is shorter is no recording.
const SHORTEST: Duration = Duration::from_millis(100);

pub(super) async fn respond(shared: &Shared, headers: &HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let form = Form::read(headers, body).await?;
    let mut number = 0;
    shared.kept.note(|seen| {
        number = seen.transcriptions.len();
        seen.transcriptions.push(super::Transcription {
            file_name: form.file_name.clone(),
            audio_bytes: form.file.len() as u64,
            fields: form.fields.clone(),
            ..Default::default()
        });
    });
    for (name, _) in form.fields.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
        shared.kept.violation(format!("the field `{name}` does not exist and has no effect"));
    }
    let plain = form.check()?;
    let samples = form.samples().await?;
    let duration = TELEPHONE.duration_of(samples.len());
    if duration < SHORTEST {
        let message = "Audio file is too short. Minimum audio length is 0.1 seconds.";
        return Err(Refusal { code: Some("audio_too_short"), ..Refusal::at("file", message) });
    }
    shared.kept.note(|seen| {
        if let Some(transcription) = seen.transcriptions.get_mut(number) {
            transcription.duration = duration;
        }
    });
    let fault = shared.kept.condition().fault();
    let mut answer = Answer::new(shared.kept.clone(), Kind::Transcription(number));
    if let Some(response) = super::trouble(shared, fault.as_ref(), &mut answer).await {
        return Ok(response);
    }
    if let Some(Fault::Late(time)) = fault {
        tokio::time::sleep(time).await;
    }
    let text = match fault {
        Some(Fault::Nothing) => String::new(),
        _ => understand(shared, &samples).await?,
    };
    shared.kept.note(|seen| {
        if let Some(transcription) = seen.transcriptions.get_mut(number) {
            transcription.text = text.clone();
        }
    });
    let text = match fault {
        Some(Fault::Flood) => vec![text; FLOOD].join(" "),
        _ => text,
    };
    let (content_type, mut body) = match plain {
        true => ("text/plain; charset=utf-8", Bytes::from(text)),
        false => ("application/json", Bytes::from(json!({"text": text}).to_string())),
    };
    if fault == Some(Fault::CloseMidWord) {
        body.truncate(body.len() / 2);
    }
    let body = Sending {
        pieces: [body].into(),
        breaks: fault == Some(Fault::CloseMidWord),
        hangs: false,
        delay: shared.config.transcription_delay,
        delay_between: Duration::ZERO,
        answer,
    };
    Ok(([(CONTENT_TYPE, content_type)], body.body()).into_response())
}

/// What was sent.
#[derive(Default)]
struct Form {
    file: Bytes,
    file_name: String,
    /// All but the file.
    fields: Vec<(String, String)>,
}

impl Form {
    async fn read(headers: &HeaderMap, body: Bytes) -> Result<Self, Refusal> {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let boundary = content_type.and_then(|value| multer::parse_boundary(value).ok());
        let boundary = boundary.ok_or_else(|| {
            Refusal::invalid("The content type of the request must be multipart/form-data with a boundary.")
        })?;
        let unreadable = |e: multer::Error| Refusal::invalid(format!("Could not parse multipart form: {e}"));
        let body = futures_util::stream::iter([Ok::<_, Infallible>(body)]);
        let mut parts = Multipart::new(body, boundary);
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            let name = part.name().unwrap_or_default().to_owned();
            if name == "file" {
                form.file_name = part.file_name().unwrap_or_default().to_owned();
                form.file = part.bytes().await.map_err(unreadable)?;
            } else {
                form.fields.push((name, part.text().await.map_err(unreadable)?));
            }
        }
        Ok(form)
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether the answer is to be plain text.
    fn check(&self) -> Result<bool, Refusal> {
        if self.field("model").is_none_or(str::is_empty) {
            return Err(Refusal::at("model", "you must provide a model parameter"));
        }
        if self.file.is_empty() {
            return Err(Refusal::at("file", "Missing required parameter: 'file'."));
        }
        let extension = self.file_name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
        match extension.as_deref() {
            Some("wav") => {}
            Some(other) if EXTENSIONS.contains(&other) => {
                return Err(Refusal::at(
                    "file",
                    format!("{other} is not in the stand-in, which has only wav."),
                ));
            }
            _ => {
                let message = format!("Unrecognized file format. Supported formats: {EXTENSIONS:?}");
                return Err(Refusal::at("file", message));
            }
        }
        if self.field("stream").is_some_and(|value| value != "false") {
            return Err(Refusal::at("stream", "a stream of a transcription is not in the stand-in."));
        }
        match self.field("response_format") {
            None | Some("json") => Ok(false),
            Some("text") => Ok(true),
            Some(other) => {
                let message = format!("'{other}' is not in the stand-in, which has only json and text.");
                Err(Refusal::at("response_format", message))
            }
        }
    }

    /// The recording, at the telephone's rate.
    async fn samples(&self) -> Result<Vec<i16>, Refusal> {
        let bytes = self.file.clone();
        let read = move || {
            // a file, because that is what is read everywhere else
            let mut file = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
            file.write_all(&bytes).map_err(|e| e.to_string())?;
            audio::wav::read_for_telephone(file.path()).map_err(|e| e.to_string())
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|e| e.to_string());
        read.and_then(|samples| samples).map_err(|reason| {
            let message = "The audio file could not be decoded or its format is not supported.";
            Refusal::at("file", format!("{message} ({reason})"))
        })
    }
}

async fn understand(shared: &Shared, samples: &[i16]) -> Result<String, Refusal> {
    let broken = |reason: String| Refusal {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        ..Refusal::invalid(format!("The stand-in cannot transcribe: {reason}"))
    };
    match &shared.config.ear {
        Ear::Deaf => Err(broken("it was started without an ear".into())),
        Ear::Script(lines) => {
            let mut text = String::new();
            if has_a_voice(samples) {
                // the number counts recordings with a voice, so that silence uses up no line
                let number = shared.voices.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let line = number.checked_rem(lines.len()).and_then(|n| lines.get(n));
                text = line.cloned().unwrap_or_default();
            }
            Ok(text)
        }
        Ear::Recogniser(grammar) => {
            let mut place = shared.recogniser.lock().await;
            // taken out while it works: one that is left in the middle of a recording is no good any more
            let mut recogniser = match place.take() {
                Some(recogniser) => recogniser,
                None => Recogniser::start(grammar).await.map_err(|e| broken(e.to_string()))?,
            };
            let heard = transcribe(&mut recogniser, samples).await.map_err(|e| broken(e.to_string()))?;
            *place = Some(recogniser);
            Ok(heard.iter().map(|words| written(words, true)).collect::<Vec<_>>().join(" "))
        }
    }
}

fn has_a_voice(samples: &[i16]) -> bool {
    let mut endpointing = Endpointing::new(Duration::from_millis(500));
    let mut windows = samples.chunks(TELEPHONE.samples_in(STEP));
    windows.any(|window| matches!(endpointing.step(window), Step::Started(_)))
}
