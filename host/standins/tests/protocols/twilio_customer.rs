//! Twilio's customer in these tests: a server that answers webhooks as it is told to, takes streams,
//! and keeps what it was asked; and the customer's REST client.

use crate::within;
use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use standins::twilio::Server;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use twilio::signature::{AuthToken, Body, Keys, Request as Signed, verify};
use url::form_urlencoded;

/// Whoever asked for this host came through a tunnel.
pub const PUBLIC: &str = "agent.example.com";

/// A request that came.
#[derive(Clone, Debug)]
pub struct Told {
    pub method: String,
    pub path: String,
    pub query: String,
    /// Of the form, or of the query.
    pub parameters: Vec<(String, String)>,
    pub headers: HeaderMap,
    /// Its signature is Twilio's.
    pub authentic: bool,
}

impl Told {
    pub fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

#[derive(Clone)]
struct Shared {
    keys: Keys,
    told: Arc<watch::Sender<Vec<Told>>>,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    streams: mpsc::UnboundedSender<Stream>,
}

#[derive(Clone)]
enum Answer {
    With(u16, String, String),
    Never,
}

pub struct Customer {
    pub address: SocketAddr,
    shared: Shared,
    streams: AsyncMutex<mpsc::UnboundedReceiver<Stream>>,
}

/// A stream, at the server's end.
pub struct Stream {
    pub upgrade: Told,
    pub socket: WebSocket,
}

impl Customer {
    pub async fn start(auth_token: &str) -> Self {
        let (sender, streams) = mpsc::unbounded_channel();
        let shared = Shared {
            keys: AuthToken::new(auth_token).unwrap().into(),
            told: Arc::default(),
            answers: Arc::default(),
            streams: sender,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(serve).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, streams: streams.into() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn stream_url(&self) -> String {
        format!("ws://{}/stream", self.address)
    }

    /// Answers requests to this path with these verbs.
    pub fn answers(&self, path: &str, verbs: &str) {
        let document = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{verbs}</Response>");
        self.answers_with(path, 200, "text/xml; charset=utf-8", &document);
    }

    pub fn answers_with(&self, path: &str, status: u16, kind: &str, body: &str) {
        self.set(path, Answer::With(status, kind.into(), body.into()));
    }

    pub fn never_answers(&self, path: &str) {
        self.set(path, Answer::Never);
    }

    fn set(&self, path: &str, answer: Answer) {
        self.shared.answers.lock().unwrap().insert(path.into(), answer);
    }

    /// All requests so far to this path.
    pub fn told(&self, path: &str) -> Vec<Told> {
        self.shared.told.borrow().iter().filter(|told| told.path == path).cloned().collect()
    }

    /// Waits until so many came to this path.
    pub async fn asked(&self, path: &str, times: usize) -> Vec<Told> {
        let count = |told: &Vec<Told>| told.iter().filter(|told| told.path == path).count() >= times;
        within(self.shared.told.subscribe().wait_for(count)).await.unwrap();
        self.told(path)
    }

    /// Nobody else than Twilio came.
    pub fn assert_authentic(&self) {
        for told in self.shared.told.borrow().iter() {
            assert!(told.authentic, "{told:?}");
        }
    }

    /// The next stream that opens.
    pub async fn stream(&self) -> Stream {
        within(async { self.streams.lock().await.recv().await }).await.unwrap()
    }
}

impl Stream {
    /// The next message with this event; none: the stream was closed.
    pub async fn next_of(&mut self, event: &str) -> Option<Value> {
        loop {
            match within(self.socket.recv()).await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["event"] == event {
                        return Some(message);
                    }
                }
                Some(Ok(Message::Close(_))) | None | Some(Err(_)) => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    pub async fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// Closes it, as a server does that has said everything.
    pub async fn close(mut self) {
        self.socket.send(Message::Close(None)).await.unwrap();
        while let Some(Ok(_)) = within(self.socket.recv()).await {}
    }
}

async fn serve(State(shared): State<Shared>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap());
    let host = header("host").unwrap();
    let secure = host == PUBLIC && header("x-forwarded-proto") == Some("https");
    let scheme = match (upgrade.is_ok(), secure) {
        (true, true) => "wss",
        (true, false) => "ws",
        (false, true) => "https",
        (false, false) => "http",
    };
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let signed = Signed {
        url: &format!("{scheme}://{host}{}", parts.uri),
        body: if form.is_empty() { Body::None } else { Body::Form(&form) },
        signature: header("x-twilio-signature"),
        settings: None,
    };
    let authentic = verify(&shared.keys, &signed).is_ok();
    let in_query = form_urlencoded::parse(query.as_bytes()).into_owned();
    let told = Told {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        parameters: if form.is_empty() { in_query.collect() } else { form },
        query,
        headers: parts.headers,
        authentic,
    };
    shared.told.send_modify(|all| all.push(told.clone()));
    let answer = shared.answers.lock().unwrap().get(&told.path).cloned();
    match (answer, upgrade) {
        (Some(Answer::Never), _) => std::future::pending().await,
        (Some(Answer::With(status, kind, body)), _) => {
            (StatusCode::from_u16(status).unwrap(), [("content-type", kind)], body).into_response()
        }
        (None, Ok(upgrade)) => upgrade
            .on_upgrade(async move |socket| drop(shared.streams.send(Stream { upgrade: told, socket }))),
        (None, Err(_)) => StatusCode::NO_CONTENT.into_response(),
    }
}

/// The customer's REST client.
pub struct Rest<'a> {
    pub server: &'a Server,
    pub user: String,
    pub password: String,
}

impl<'a> Rest<'a> {
    pub fn new(server: &'a Server) -> Self {
        let (user, password) = (server.account_sid().to_owned(), server.auth_token().to_owned());
        Self { server, user, password }
    }

    pub async fn request(&self, path: &str, form: Option<&[(&str, &str)]>) -> reqwest::Response {
        within(self.asking(path, form).send()).await.unwrap()
    }

    pub fn asking(&self, path: &str, form: Option<&[(&str, &str)]>) -> reqwest::RequestBuilder {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let account = format!("/2010-04-01/Accounts/{}", self.server.account_sid());
        let url = format!("{}{account}{path}.json?{query}", self.server.base_url());
        let client = crate::chat::client();
        let request = match form {
            None => client.get(url),
            Some(form) => {
                let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
                client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form)
            }
        };
        request.basic_auth(&self.user, Some(&self.password))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request(path, None).await).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        answer(self.request(path, Some(form)).await).await
    }

    /// Makes a call from the customer's number; its sid.
    pub async fn create(&self, form: &[(&str, &str)]) -> String {
        let form = [&[("To", CALLEE), ("From", standins::twilio::NUMBER)], form].concat();
        let (status, body) = self.post("/Calls", &form).await;
        assert_eq!(status, 201, "{body}");
        body["sid"].as_str().unwrap().to_owned()
    }

    pub async fn update(&self, sid: &str, form: &[(&str, &str)]) -> (u16, Value) {
        self.post(&format!("/Calls/{sid}"), form).await
    }
}

/// Somebody to call.
pub const CALLEE: &str = "+15555550142";

async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = within(response.text()).await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A stand-in, and its customer.
pub async fn house(config: standins::twilio::Config) -> (Server, Customer) {
    let server = Server::start(config).await.unwrap();
    let customer = Customer::start(server.auth_token()).await;
    (server, customer)
}

/// Nothing that Twilio minds happened, and nobody else came to the customer.
pub fn assert_clean(server: &Server, customer: &Customer) {
    assert_eq!(server.violations(), [""; 0]);
    customer.assert_authentic();
}
