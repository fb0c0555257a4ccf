//! OpenAI's client in these tests: it asks and collects the pieces of the answer.

use crate::within;
use serde_json::{Value, json};
use standins::openai;

pub fn asking(text: &str) -> Value {
    let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]);
    json!({"model": "gpt-test", "stream": true, "messages": messages})
}

pub fn client() -> reqwest::Client {
    // reqwest wants one even where nothing is encrypted; the second test finds it installed
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

pub async fn post(base_url: &str, key: &str, body: &Value) -> reqwest::Response {
    let request = client().post(format!("{base_url}/chat/completions")).bearer_auth(key);
    let request = request.header("content-type", "application/json").body(body.to_string());
    within(request.send()).await.unwrap()
}

pub async fn events(response: reqwest::Response) -> Vec<String> {
    parse(&within(response.text()).await.unwrap())
}

pub fn parse(stream: &str) -> Vec<String> {
    stream.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
}

pub async fn chunks(response: reqwest::Response) -> Vec<Value> {
    let events = events(response).await;
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(done, "[DONE]");
    chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect()
}

pub async fn spoken(response: reqwest::Response) -> String {
    chunks(response).await.iter().map(delta).collect()
}

pub fn delta(chunk: &Value) -> String {
    chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
}

/// The content type of forms.
pub const FORM: &str = "multipart/form-data; boundary=----of-this-test";

/// A form with a file in it.
pub fn form(file_name: &str, file: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("------of-this-test\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), value.as_bytes(), b"\r\n"].concat());
    }
    let head = format!(
        "------of-this-test\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\
         Content-Type: audio/wav\r\n\r\n"
    );
    body.extend([head.as_bytes(), file, b"\r\n------of-this-test--\r\n"].concat());
    body
}

pub async fn transcribe(server: &openai::Server, key: &str, form: &[u8]) -> reqwest::Response {
    let request = client().post(format!("{}/audio/transcriptions", server.base_url())).bearer_auth(key);
    within(request.header("content-type", FORM).body(form.to_vec()).send()).await.unwrap()
}

/// A WAV file with 16 bit samples.
pub fn wav(hertz: u32, samples: &[i16]) -> Vec<u8> {
    let rate = [hertz.to_le_bytes(), (hertz * 2).to_le_bytes()].concat();
    let format = [&[1, 0, 1, 0], &rate[..], &[2, 0, 16, 0]].concat();
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    riff(&format, &data)
}

pub fn riff(format: &[u8], data: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| (bytes as u32).to_le_bytes();
    let all = 4 + 8 + format.len() + 8 + data.len();
    let parts: [&[u8]; 9] = [
        b"RIFF",
        &length(all),
        b"WAVE",
        b"fmt ",
        &length(format.len()),
        format,
        b"data",
        &length(data.len()),
        data,
    ];
    parts.concat()
}
