//! `POST {any prefix}/audio/speech`: a text, spoken.

use super::Shared;
use super::refusal::Refusal;
use super::sending::{Answer, Kind, Sending};
use crate::fault::{FLOOD_OF_AUDIO, Fault};
use crate::voice::{Encoding, Format};
use audio::SampleRate;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;

/// The rate of the vendor's `pcm`, in Hz.
const RATE: u32 = 24_000;
/// The longest text, in characters.
const LONGEST: usize = 4096;
/// A body comes in pieces of these lengths, over and over: samples are cut in two at their ends.
const PIECES: &[usize] = &[1, 4801, 959, 9600, 3];

/// The fields of a request (openai 3.52.0, `audio/speech`).
const KNOWN: &[&str] =
    &["model", "input", "voice", "instructions", "response_format", "speed", "stream_format"];
/// Formats that the vendor has.
const FORMATS: &[&str] = &["mp3", "opus", "aac", "flac", "wav", "pcm"];

pub(super) async fn respond(shared: &Shared, body: Value) -> Result<Response, Refusal> {
    let mut number = 0;
    shared.kept.note(|seen| {
        number = seen.speeches.len();
        seen.speeches.push(super::Speech { request: body.clone(), ..Default::default() });
    });
    let input = check(&body)?;
    shared.kept.note(|seen| {
        if let Some(speech) = seen.speeches.get_mut(number) {
            speech.input = input.to_owned();
        }
    });
    let fault = shared.kept.condition().fault();
    let mut answer = Answer::new(shared.kept.clone(), Kind::Speech(number));
    if let Some(response) = super::trouble(shared, fault.as_ref(), &mut answer).await {
        return Ok(response);
    }
    let rate = SampleRate::new(RATE).unwrap_or(audio::TELEPHONE);
    let format = Format { encoding: Encoding::Linear16, rate };
    let audio = match fault {
        Some(Fault::Nothing) => Bytes::new(),
        _ => shared.voice.say(input.trim(), format).await.audio.clone(),
    };
    let mut pieces = pieces(&audio);
    match fault {
        Some(Fault::CloseMidWord) => pieces.truncate(pieces.len().div_ceil(2)),
        Some(Fault::Flood) => {
            let times = format.bytes_in(FLOOD_OF_AUDIO).div_ceil(audio.len().max(1));
            pieces = vec![pieces; times].concat();
        }
        _ => {}
    }
    let body = Sending {
        pieces: pieces.into(),
        breaks: fault == Some(Fault::CloseMidWord),
        hangs: false,
        delay: shared.config.first_audio_delay,
        delay_between: Default::default(),
        answer,
    };
    Ok(([(CONTENT_TYPE, "audio/pcm")], body.body()).into_response())
}

/// The text, if the vendor would speak it.
fn check(body: &Value) -> Result<&str, Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    for name in body.as_object().into_iter().flat_map(|fields| fields.keys()) {
        if !KNOWN.contains(&name.as_str()) {
            return Err(Refusal::at(
                name.as_str(),
                format!("Unrecognized request argument supplied: {name}"),
            ));
        }
    }
    if text("model").is_empty() {
        return Err(Refusal::at("model", "you must provide a model parameter"));
    }
    let voice = body.pointer("/voice/id").and_then(Value::as_str).unwrap_or(text("voice"));
    if voice.is_empty() {
        return Err(Refusal::at("voice", "Missing required parameter: 'voice'."));
    }
    let input = text("input");
    if input.is_empty() {
        return Err(Refusal::at("input", "Missing required parameter: 'input'."));
    }
    if input.chars().count() > LONGEST {
        let message =
            format!("Invalid 'input': string too long. Expected a string with maximum length {LONGEST}.");
        return Err(Refusal { code: Some("string_above_max_length"), ..Refusal::at("input", message) });
    }
    match body.get("response_format").map(|format| format.as_str().unwrap_or_default()) {
        Some("pcm") => {}
        // mp3 is what comes unasked
        None => {
            return Err(Refusal::at("response_format", "mp3 is not in the stand-in, which has only pcm."));
        }
        Some(format) if FORMATS.contains(&format) => {
            let message = format!("{format} is not in the stand-in, which has only pcm.");
            return Err(Refusal::at("response_format", message));
        }
        Some(other) => {
            let message = format!("Invalid value: '{other}'. Supported values are: {FORMATS:?}.");
            return Err(Refusal::at("response_format", message));
        }
    }
    let speed = body.get("speed").filter(|speed| !speed.is_null());
    if speed.is_some_and(|speed| !speed.as_f64().is_some_and(|speed| (0.25..=4.0).contains(&speed))) {
        return Err(Refusal::at("speed", "Invalid 'speed': expected a number from 0.25 to 4."));
    }
    match body.get("stream_format").and_then(Value::as_str) {
        None | Some("audio") => Ok(input),
        Some(_) => Err(Refusal::at("stream_format", "only 'audio' is in the stand-in.")),
    }
}

fn pieces(audio: &Bytes) -> Vec<Bytes> {
    let mut rest = audio.clone();
    let lengths = PIECES.iter().cycle().map_while(|length| {
        let piece = rest.split_to((*length).min(rest.len()));
        Some(piece).filter(|piece| !piece.is_empty())
    });
    lengths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_vendor_refuses_is_refused() {
        let right = json!({"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hello.", "speed": 1.0,
            "response_format": "pcm", "instructions": "Be kind.", "stream_format": "audio"});
        assert_eq!(check(&right).unwrap(), "Hello.");
        for (field, value, reason) in [
            ("model", json!(""), "model"),
            ("voice", json!(null), "voice"),
            ("input", json!(""), "input"),
            ("input", json!("x".repeat(4097)), "4096"),
            ("response_format", json!("mp3"), "stand-in"),
            ("response_format", json!("midi"), "Supported values"),
            ("speed", json!(5), "speed"),
            ("stream_format", json!("sse"), "stand-in"),
            ("format", json!("pcm"), "Unrecognized request argument"),
        ] {
            let mut wrong = right.clone();
            wrong[field] = value;
            let refusal = check(&wrong).err().unwrap();
            assert!(refusal.message.contains(reason), "{wrong}: {}", refusal.message);
        }
    }

    #[test]
    fn pieces_are_uneven_and_together_the_whole() {
        let audio: Bytes = (0..30_000u32).map(|n| n as u8).collect();
        let pieces = pieces(&audio);
        assert_eq!(pieces.concat(), audio);
        assert!(pieces.iter().any(|piece| piece.len() % 2 == 1));
    }
}
