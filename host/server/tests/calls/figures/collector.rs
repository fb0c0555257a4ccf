//! A collector of traces that reads as much of OTLP's protobuf as the tests need.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Requests as they came: head and body.
type Requests = Arc<Mutex<Vec<(HeaderMap, Vec<u8>)>>>;

pub struct Collector {
    pub endpoint: String,
    received: Requests,
}

#[derive(Debug, Default)]
pub struct Received {
    pub headers: Vec<HeaderMap>,
    pub bodies: Vec<Vec<u8>>,
    pub service: Option<String>,
    pub spans: Vec<Span>,
}

#[derive(Debug, Default)]
pub struct Span {
    pub trace: Vec<u8>,
    pub id: Vec<u8>,
    pub parent: Vec<u8>,
    pub name: String,
    pub began: u64,
    pub ended: u64,
    pub attributes: BTreeMap<String, String>,
}

impl Collector {
    pub async fn start() -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let take = async |State(received): State<Arc<Mutex<Vec<_>>>>, headers: HeaderMap, body: Bytes| {
            received.lock().unwrap().push((headers, body.to_vec()));
        };
        let router = Router::new().route("/v1/traces", post(take)).with_state(received.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, received }
    }

    pub fn received(&self) -> Received {
        let mut all = Received::default();
        for (headers, body) in self.received.lock().unwrap().iter() {
            all.headers.push(headers.clone());
            all.bodies.push(body.clone());
            // TracesData.resource_spans
            for resource_spans in parts(body, 1) {
                for resource in parts(&resource_spans, 1) {
                    all.service = attributes(&resource, 1).remove("service.name").or(all.service);
                }
                for scope_spans in parts(&resource_spans, 2) {
                    all.spans.extend(parts(&scope_spans, 2).iter().map(|span| Span::read(span)));
                }
            }
        }
        all
    }
}

impl Span {
    fn read(span: &[u8]) -> Self {
        let one = |number| parts(span, number).into_iter().next().unwrap_or_default();
        let time = |number| u64::from_le_bytes(one(number).try_into().unwrap());
        Self {
            trace: one(1),
            id: one(2),
            parent: one(4),
            name: String::from_utf8(one(5)).unwrap(),
            began: time(7),
            ended: time(8),
            attributes: attributes(span, 9),
        }
    }
}

/// Pairs of a key and a value: text, truth, or a whole number.
fn attributes(message: &[u8], number: u64) -> BTreeMap<String, String> {
    let read = |pair: Vec<u8>| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let key = text(&parts(&pair, 1)[0]);
        let value = &parts(&pair, 2)[0];
        let of = |number| parts(value, number).into_iter().next();
        let truth = of(2).map(|truth| (truth[0] == 1).to_string());
        let whole = of(3).map(|whole| varint(&mut &whole[..]).to_string());
        (key, of(1).map(|value| text(&value)).or(truth).or(whole).unwrap_or_default())
    };
    parts(message, number).into_iter().map(read).collect()
}

/// The fields of this number, as the bytes that hold them.
fn parts(mut message: &[u8], wanted: u64) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let before = message;
        let length = match tag & 7 {
            0 => {
                varint(&mut message);
                before.len() - message.len()
            }
            1 => 8,
            2 => {
                let length = varint(&mut message) as usize;
                let (value, rest) = message.split_at(length);
                if tag >> 3 == wanted {
                    found.push(value.to_vec());
                }
                message = rest;
                continue;
            }
            5 => 4,
            other => panic!("no wire type: {other}"),
        };
        let (value, rest) = before.split_at(length);
        if tag >> 3 == wanted {
            found.push(value.to_vec());
        }
        message = rest;
    }
    found
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
