//! A server that answers what it was told to, connection by connection, and keeps what it was asked.
//! It can also do what a server should not: go away in the middle.

use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Mutex;
use twilio::rest::{Client, Credentials, Jitter, NewCall, Patience, Settings};

pub const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub const KEY: &str = "SK00000000000000000000000000000002";
pub const CALL: &str = "CA00000000000000000000000000000003";
pub const CALLS: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Calls.json";
/// No test waits longer.
pub const LONG: Duration = Duration::from_secs(20);

/// What becomes of one request.
pub enum Then {
    Answer {
        status: u16,
        headers: Vec<(&'static str, &'static str)>,
        body: String,
    },
    /// The request is read, and nobody answers.
    HangUp,
    /// An answer begins and breaks off.
    BreakOff,
    /// The request is read, and the connection stays open.
    Silence,
}

pub fn answer(status: u16, body: impl Into<String>) -> Then {
    Then::Answer { status, headers: vec![("content-type", "application/json")], body: body.into() }
}

pub fn with_header(then: Then, name: &'static str, value: &'static str) -> Then {
    let Then::Answer { status, mut headers, body } = then else { panic!("only an answer has headers") };
    headers.push((name, value));
    Then::Answer { status, headers, body }
}

/// A call as Twilio writes it.
pub fn call(status: &str) -> Value {
    serde_json::json!({ "sid": CALL, "account_sid": ACCOUNT, "to": "+15555550101", "from": "+15555550100",
        "status": status, "direction": "outbound-api", "duration": null, "queue_time": "0" })
}

#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

#[derive(Clone)]
pub struct Server {
    address: SocketAddr,
    /// in the order in which they came
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers one request after the other; who asks more often is hung up on.
    pub async fn start(script: Vec<Then>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, script)
    }

    pub fn on(listener: TcpListener, script: Vec<Then>) -> Self {
        let server = Self { address: listener.local_addr().unwrap(), requests: Arc::default() };
        let (requests, script) = (Arc::clone(&server.requests), Arc::new(Mutex::new(script.into_iter())));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (requests, script) = (Arc::clone(&requests), Arc::clone(&script));
                tokio::spawn(async move {
                    let mut stream = stream;
                    let mut unread = Vec::new();
                    while let Some(request) = read(&mut stream, &mut unread).await {
                        requests.lock().await.push(request);
                        let then = script.lock().await.next().unwrap_or(Then::HangUp);
                        if !carry_out(then, &mut stream).await {
                            break;
                        }
                    }
                });
            }
        });
        server
    }

    pub fn settings(&self) -> Settings {
        settings(self.address)
    }

    pub fn client(&self) -> Client {
        Client::new(self.settings()).unwrap()
    }

    pub async fn requests(&self) -> Vec<Request> {
        self.requests.lock().await.clone()
    }

    /// The only one that came.
    pub async fn request(&self) -> Request {
        let requests = self.requests().await;
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests[0].clone()
    }
}

/// With a patience that is counted in milliseconds.
pub fn settings(address: SocketAddr) -> Settings {
    let patience = Patience {
        first_pause: Duration::from_millis(2),
        longest_pause: Duration::from_millis(10),
        connect: LONG,
        request: LONG,
        jitter: Jitter::new(|| 0.0),
        ..Patience::default()
    };
    let credentials = Credentials::auth_token(ACCOUNT, "t0ken").unwrap();
    Settings { base_url: Some(format!("http://{address}")), patience, ..Settings::new(credentials) }
}

/// An address that refuses connections until somebody listens.
pub fn closed() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket
}

pub fn new_call() -> NewCall {
    let instructions = twilio::rest::Instructions::Url("https://agent.example.com/outbound-twiml".into());
    NewCall::new("+15555550101".parse().unwrap(), "+15555550100".parse().unwrap(), instructions)
}

async fn read(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Request> {
    let end = loop {
        if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(unread.drain(..end).collect()).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse::<usize>().unwrap());
    while unread.len() < length {
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(unread.drain(..length).collect()).unwrap();
    Some(Request { line, headers, body })
}

/// Whether the connection goes on.
async fn carry_out(then: Then, stream: &mut TcpStream) -> bool {
    match then {
        Then::Answer { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head += &format!("{name}: {value}\r\n");
            }
            stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.is_ok()
        }
        Then::HangUp => false,
        Then::BreakOff => {
            let begun = "HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{\"sid\":";
            stream.write_all(begun.as_bytes()).await.unwrap();
            false
        }
        Then::Silence => {
            // until the client goes
            let _ = stream.read(&mut [0]).await;
            false
        }
    }
}
