//! What happened when in a call, for whoever collects traces: OTLP over HTTP.
//!
//! - `call.rs`: the spans of one call
//!
//! A call gives its spans when it is over, and never waits: a thread with a runtime of its own sends
//! them. While the collector is away that is said once, and spans that find no place are dropped.

mod call;

pub use call::CallTrace;

use crate::access::random;
use crate::cli::http;
use crate::config::Loaded;
use anyhow::Context;
use components::grant::Operator;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter as Exporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// Calls whose spans may wait to be sent.
const WAITING: usize = 512;
/// Spans that are sent at once, and how long they may wait for others.
const BATCH: usize = 512;
const GATHER: Duration = Duration::from_secs(1);
/// The collector has this long to take them, repeats included.
const SEND: Duration = Duration::from_secs(10);
/// When the host stops, for what is left.
const LAST: Duration = Duration::from_secs(3);
/// The path of spans at a collector.
const PATH: &str = "/v1/traces";
/// Header lines for the collector, `NAME=VALUE` with commas between them: they may hold a key.
pub const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// The way to the collector.
pub struct Traces {
    sender: mpsc::Sender<Message>,
}

enum Message {
    Spans(Vec<SpanData>),
    /// answered once everything before it was sent, or given up
    Flush(oneshot::Sender<()>),
}

impl Traces {
    /// None: nobody wants them. An error: the endpoint is none.
    pub fn set_up(loaded: &Loaded) -> anyhow::Result<Option<Self>> {
        let endpoint = loaded.config.traces.endpoint.as_deref().map(str::trim).unwrap_or_default();
        if endpoint.is_empty() {
            return Ok(None);
        }
        let endpoint = address(endpoint)?;
        let mut exporter = Exporter::builder()
            .with_http()
            .with_http_client(http().context("a client for the traces")?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&endpoint)
            .with_timeout(SEND)
            .with_headers(headers(&loaded.variable(HEADERS).unwrap_or_default()))
            .build()
            .with_context(|| format!("`traces.endpoint`: {endpoint}"))?;
        let instance = uuid::Uuid::from_bytes(random()?).to_string();
        let resource = Resource::builder_empty()
            .with_service_name("cordboard")
            .with_attribute(KeyValue::new("service.instance.id", instance))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        exporter.set_resource(&resource.build());
        let (sender, receiver) = mpsc::channel(WAITING);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sending = Sending { exporter, endpoint, away: false };
        std::thread::Builder::new()
            .name("traces".into())
            .spawn(move || runtime.block_on(sending.run(receiver)))
            .context("a thread for the traces")?;
        Ok(Some(Self { sender }))
    }

    /// The spans of a call that is over. Never waits.
    pub fn send(&self, spans: Vec<SpanData>) {
        if self.sender.try_send(Message::Spans(spans)).is_err() {
            tracing::debug!("the spans of a call are dropped: too many wait");
        }
    }

    /// How many calls' spans wait.
    pub fn waiting(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let sender = self.sender.clone();
        move || sender.max_capacity().saturating_sub(sender.capacity()) as u64
    }

    /// Waits a moment for what has not been sent.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let flush = async {
            if self.sender.send(Message::Flush(done)).await.is_ok() {
                // its sender is gone only where nothing is sent any more
                let _ = flushed.await;
            }
        };
        if timeout(LAST, flush).await.is_err() {
            tracing::warn!("the last traces were not sent in time");
        }
    }
}

/// Where spans are sent to.
fn address(endpoint: &str) -> anyhow::Result<String> {
    let wrong = || {
        format!(
            "`traces.endpoint`, or OTEL_EXPORTER_OTLP_ENDPOINT: {endpoint:?} is no address; it looks like \
             http://127.0.0.1:4318"
        )
    };
    let parsed = url::Url::parse(endpoint).with_context(wrong)?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host().is_none() {
        anyhow::bail!(wrong());
    }
    let base = endpoint.trim_end_matches('/');
    Ok(if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") })
}

fn headers(text: &str) -> HashMap<String, String> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

struct Sending {
    exporter: Exporter,
    endpoint: String,
    /// and that was said
    away: bool,
}

impl Sending {
    async fn run(mut self, mut receiver: mpsc::Receiver<Message>) {
        while let Some(message) = receiver.recv().await {
            let mut batch = Vec::new();
            let mut flushes = Vec::new();
            take(message, &mut batch, &mut flushes);
            let until = Instant::now() + GATHER;
            while batch.len() < BATCH && flushes.is_empty() {
                let Ok(Some(message)) = timeout_at(until, receiver.recv()).await else { break };
                take(message, &mut batch, &mut flushes);
            }
            self.send(batch).await;
            for flush in flushes {
                // whoever waited has given up: so be it
                let _ = flush.send(());
            }
        }
    }

    async fn send(&mut self, mut spans: Vec<SpanData>) {
        while !spans.is_empty() {
            let rest = spans.split_off(spans.len().min(BATCH));
            let sent = timeout(SEND, self.exporter.export(std::mem::replace(&mut spans, rest))).await;
            let problem = match sent {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(format!("no answer within {} s", SEND.as_secs())),
            };
            match problem {
                Some(problem) if !self.away => {
                    self.away = true;
                    tracing::warn!(
                        endpoint = self.endpoint,
                        "traces cannot be sent, and are lost until they can (`traces.endpoint`): {problem}"
                    );
                }
                None if self.away => {
                    self.away = false;
                    tracing::info!(endpoint = self.endpoint, "traces can be sent again");
                }
                _ => {}
            }
        }
    }
}

fn take(message: Message, batch: &mut Vec<SpanData>, flushes: &mut Vec<oneshot::Sender<()>>) {
    match message {
        Message::Spans(spans) => batch.extend(spans),
        Message::Flush(done) => flushes.push(done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_with_and_without_the_path_of_spans() {
        let at = |endpoint: &str| address(endpoint).ok();
        let expected = Some("http://127.0.0.1:4318/v1/traces".to_owned());
        assert_eq!(at("http://127.0.0.1:4318"), expected);
        assert_eq!(at("http://127.0.0.1:4318/"), expected);
        assert_eq!(at("http://127.0.0.1:4318/v1/traces"), expected);
        for wrong in ["127.0.0.1:4318", "grpc://collector:4317", "nonsense"] {
            let said = address(wrong).unwrap_err().to_string();
            assert!(said.contains("it looks like http://127.0.0.1:4318"), "{said}");
        }
    }

    #[test]
    fn headers_are_read_as_their_variable_has_them() {
        let headers = headers("authorization=Bearer a=b, x-team = calls,nonsense");
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["authorization"], "Bearer a=b");
        assert_eq!(headers["x-team"], "calls");
    }
}
