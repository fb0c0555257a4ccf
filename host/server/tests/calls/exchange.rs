//! The program with a telephone network: what the tests of Twilio's side share.

use crate::house::*;
use reqwest::Method;
use serde_json::Value;
use standins::twilio::{self, CallSeen, Config, Event, Incoming, Person};
use std::sync::Once;
use std::time::Duration;

/// Holds every role.
pub const KEY: &str = "key-of-the-tests-0123456789";

/// A client of the tests; TLS has to have a provider, though nothing here uses it.
pub fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Twilio and the program, which know each other.
pub struct Exchange {
    pub twilio: twilio::Server,
    pub server: Server,
}

impl Exchange {
    pub async fn new() -> Self {
        Self::with(Config::new(), Setup::brief()).await
    }

    pub async fn with(config: Config, setup: Setup) -> Self {
        let twilio = twilio::Server::start(config).await.unwrap();
        let server = setup.twilio(&twilio).start().await;
        Self { twilio, server }
    }

    /// Somebody dials our number, and does this.
    pub fn ring(&self, person: Person) -> String {
        self.ring_at("/", person)
    }

    pub fn ring_at(&self, path: &str, person: Person) -> String {
        self.twilio.ring(Incoming { person, ..Incoming::new(self.server.url(path)) })
    }

    /// How the call went, once it is over.
    pub async fn ended(&self, sid: &str) -> CallSeen {
        let ended = tokio::time::timeout(PATIENCE * 2, self.twilio.ended(sid)).await;
        ended.unwrap_or_else(|_| panic!("the call goes on:\n{}", self.told(sid)))
    }

    /// Waits until this has happened in the call.
    pub async fn until(&self, sid: &str, happened: impl Fn(&CallSeen) -> bool) -> CallSeen {
        let waiting = tokio::time::timeout(PATIENCE, self.twilio.until_call(sid, happened)).await;
        waiting.unwrap_or_else(|_| panic!("it never happened:\n{}", self.told(sid)))
    }

    fn told(&self, sid: &str) -> String {
        let story = self.twilio.seen().call(sid).map(story).unwrap_or_default();
        format!("{story}\n{}", self.server.log())
    }

    /// Waits until the agent has said this.
    pub async fn hears(&self, sid: &str, part: &str) -> CallSeen {
        self.until(sid, |call| call.heard().iter().any(|heard| heard.contains(part))).await
    }

    /// Nothing that Twilio would have complained about.
    pub fn is_clean(&self) {
        assert_eq!(self.twilio.violations(), Vec::<String>::new());
    }

    /// Asks with the key that may do all.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        ask(&self.server, Some(KEY), method, path, body).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, Some(body)).await
    }
}

pub async fn ask(
    server: &Server,
    key: Option<&str>,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let mut request = client().request(method, server.url(path));
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Asks until the answer is what is waited for.
pub async fn until_told(exchange: &Exchange, path: &str, told: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        loop {
            let answer = exchange.get(path).await;
            if told(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{path} never says it"))
}

/// A person who listens for as long as the agent talks, and says nothing.
pub fn listener() -> Person {
    Person { patience: Duration::from_secs(60), ..Person::default() }
}

/// How often Twilio asked for a path of ours in this call.
pub fn asked(call: &CallSeen, path: &str) -> usize {
    let asked = call.timeline.iter().filter(|event| match event {
        Event::Webhook { url, .. } => url.contains(path),
        _ => false,
    });
    asked.count()
}

/// What somebody signs with who has the account's auth token.
pub fn signature(url: &str, form: &[(&str, &str)]) -> String {
    let token = ::twilio::signature::AuthToken::new(&Config::new().auth_token).unwrap();
    let form: Vec<(String, String)> =
        form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    token.sign(url, &form)
}

/// What happened in a call, for a person who reads why a test failed.
pub fn story(call: &CallSeen) -> String {
    let line = |event: &Event| match event {
        Event::Webhook { url, status, .. } => format!("asked {url}: {status:?}"),
        Event::Callback { kind, event, status, .. } => format!("told {kind:?} {event}: {status:?}"),
        Event::Stream { url, .. } => format!("stream to {url}"),
        other => format!("{other:?}"),
    };
    call.timeline.iter().map(line).collect::<Vec<_>>().join("\n")
}
