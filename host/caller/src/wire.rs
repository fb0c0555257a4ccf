//! Twilio's end of a media stream: the upgrade, the messages in both directions, the sids and numbers
//! in them.
//!
//! What comes is read as strictly as Twilio reads it: a message with anything unexpected in it is
//! ignored, and counts as a warning.

use crate::ear::FRAME;
use crate::line::CallError;
use crate::plan::Plan;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use twilio::stream::{Dtmf, Incoming, Mark, Media, MediaFormat, OWN_PARAMETER, Own, Start};
use twilio::stream::{decode_payload, encode_payload, to_text};

const CONNECT: Duration = Duration::from_secs(10);
/// A server has this long to answer our hanging up.
pub(crate) const CLOSE: Duration = Duration::from_secs(5);
/// So many warnings are kept.
pub(crate) const WARNINGS: usize = 20;

pub(crate) struct Wire {
    socket: Socket,
    account: String,
    call: String,
    stream: String,
    announces: bool,
    /// of the last message sent
    sequence: u64,
    /// of the last media message
    chunk: u64,
    pub(crate) warnings: Vec<String>,
}

/// What comes next from the server.
pub(crate) enum Received {
    Audio(Vec<u8>),
    Mark(String),
    Clear,
    Own(Own),
    /// Nothing that a telephone acts upon.
    Other,
    Closed,
    Dropped,
}

impl Wire {
    pub(crate) async fn connect(plan: &Plan) -> Result<Self, CallError> {
        let identity = plan.identity.clone();
        Ok(Self {
            socket: connect(&plan.url, plan.connect_to, &plan.headers).await?,
            account: identity.account_sid,
            call: identity.call_sid,
            stream: identity.stream_sid,
            announces: plan.announces,
            sequence: 0,
            chunk: 0,
            warnings: Vec::new(),
        })
    }

    /// The first two messages.
    pub(crate) async fn start(&mut self, parameters: &[(String, String)]) -> Result<(), CallError> {
        self.send(&Incoming::Connected { protocol: "Call".into(), version: "1.0.0".into() }).await?;
        let mut parameters = parameters.to_vec();
        if self.announces {
            parameters.push((OWN_PARAMETER.into(), "caller".into()));
        }
        let start = Start {
            stream_sid: self.stream(),
            account_sid: Some(self.account.clone()),
            call_sid: Some(self.call.clone()),
            tracks: vec!["inbound".into()],
            custom_parameters: parameters.into_iter().collect(),
            media_format: Some(MediaFormat {
                encoding: "audio/x-mulaw".into(),
                sample_rate: 8000,
                channels: 1,
            }),
        };
        let sequence_number = self.next_number();
        self.send(&Incoming::Start { sequence_number, stream_sid: self.stream(), start }).await
    }

    /// The next frame of 20 ms.
    pub(crate) async fn audio(&mut self, frame: &[u8]) -> Result<(), CallError> {
        let frames_before = audio::TELEPHONE.duration_of(self.chunk as usize * FRAME);
        self.chunk += 1;
        let media = Media {
            track: Some("inbound".into()),
            chunk: Some(self.chunk),
            timestamp: Some(frames_before.as_millis() as u64),
            payload: encode_payload(frame).into(),
        };
        let sequence_number = self.next_number();
        let stream_sid = self.stream().map(Into::into);
        self.send(&Incoming::Media { sequence_number, stream_sid, media }).await
    }

    /// Words along with the sound, to a server of ours.
    pub(crate) async fn said(&mut self, text: String, last: bool) -> Result<(), CallError> {
        self.send(&Incoming::Said { stream_sid: self.stream(), text, last }).await
    }

    pub(crate) async fn press(&mut self, key: char) -> Result<(), CallError> {
        let dtmf = Dtmf { track: Some("inbound_track".into()), digit: key.to_string() };
        let sequence_number = self.next_number();
        self.send(&Incoming::Dtmf { sequence_number, stream_sid: self.stream(), dtmf }).await
    }

    pub(crate) async fn mark(&mut self, name: String) -> Result<(), CallError> {
        let sequence_number = self.next_number();
        self.send(&Incoming::Mark { sequence_number, stream_sid: self.stream(), mark: Mark { name } }).await
    }

    /// Ends it as Twilio does: `stop`, and the connection is closed.
    pub(crate) async fn hang_up(&mut self) -> Result<(), CallError> {
        self.sequence += 1;
        let stop = json!({
            "event": "stop",
            "sequenceNumber": self.sequence.to_string(),
            "streamSid": self.stream,
            "stop": {"accountSid": self.account, "callSid": self.call},
        });
        self.send_text(stop.to_string()).await?;
        // a server that is gone by now has ended the call as well
        let _ = self.socket.close(None).await;
        let closing = async { while let Some(Ok(_)) = self.socket.next().await {} };
        let _ = tokio::time::timeout(CLOSE, closing).await;
        Ok(())
    }

    /// Answers the close of the server.
    pub(crate) async fn answer_close(&mut self) {
        // the answer is ready, and goes with this; a server that is gone does not need it
        let _ = tokio::time::timeout(CLOSE, self.socket.flush()).await;
    }

    /// Can be dropped and called again.
    pub(crate) async fn next(&mut self) -> Received {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => self.read(&text),
            Some(Ok(Message::Binary(_))) => self.warn("31950: a binary frame".into()),
            Some(Ok(Message::Close(_))) => Received::Closed,
            Some(Ok(_)) => Received::Other,
            None | Some(Err(_)) => Received::Dropped,
        }
    }

    fn read(&mut self, text: &str) -> Received {
        let message = match serde_json::from_str::<FromServer>(text) {
            Ok(message) => message,
            Err(error) => {
                return match serde_json::from_str::<Own>(text) {
                    Ok(own) if self.announces => Received::Own(own),
                    _ => self.warn(format!("31951: {error}: {}", beginning(text))),
                };
            }
        };
        let (stream, received) = match message {
            FromServer::Media { stream_sid, media } => match decode_payload(&media.payload) {
                Ok(audio) => (stream_sid, Received::Audio(audio)),
                Err(error) => return self.warn(format!("31951: the payload is no base64: {error}")),
            },
            FromServer::Mark { stream_sid, mark } => (stream_sid, Received::Mark(mark.name)),
            FromServer::Clear { stream_sid } => (stream_sid, Received::Clear),
        };
        if stream != self.stream {
            return self.warn(format!("31951: for the stream {stream:?}, not {:?}", self.stream));
        }
        received
    }

    fn warn(&mut self, warning: String) -> Received {
        if self.warnings.len() < WARNINGS {
            self.warnings.push(warning);
        }
        Received::Other
    }

    fn stream(&self) -> Option<String> {
        Some(self.stream.clone())
    }

    fn next_number(&mut self) -> Option<u64> {
        self.sequence += 1;
        Some(self.sequence)
    }

    async fn send(&mut self, message: &Incoming<'_>) -> Result<(), CallError> {
        self.send_text(to_text(message)).await
    }

    async fn send_text(&mut self, text: String) -> Result<(), CallError> {
        match self.socket.send(Message::text(text)).await {
            // the close that the server sent is read next
            Ok(())
            | Err(SocketError::ConnectionClosed | SocketError::AlreadyClosed | SocketError::Protocol(_)) => {
                Ok(())
            }
            Err(SocketError::Io(_)) => Ok(()),
            Err(e) => Err(CallError::Lost(e.to_string())),
        }
    }
}

/// What Twilio takes, with exactly these fields.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase", deny_unknown_fields)]
enum FromServer {
    #[serde(rename_all = "camelCase")]
    Media { stream_sid: String, media: Payload },
    #[serde(rename_all = "camelCase")]
    Mark { stream_sid: String, mark: Name },
    #[serde(rename_all = "camelCase")]
    Clear { stream_sid: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    payload: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

pub(crate) fn beginning(text: &str) -> String {
    text.chars().take(100).collect()
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn connect(
    url: &str,
    connect_to: Option<SocketAddr>,
    headers: &[(String, String)],
) -> Result<Socket, CallError> {
    let request = upgrade(url, headers)?;
    let connecting = async {
        Ok::<_, SocketError>(match connect_to {
            None => tokio_tungstenite::connect_async_with_config(request, None, true).await?.0,
            Some(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                tokio_tungstenite::client_async(request, MaybeTlsStream::Plain(stream)).await?.0
            }
        })
    };
    let failed = |reason: String| CallError::Connect { url: url.to_owned(), reason };
    match tokio::time::timeout(CONNECT, connecting).await {
        Err(_) => Err(failed(format!("no answer within {} s", CONNECT.as_secs()))),
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(SocketError::Http(response))) => {
            let body = response.body().as_deref().unwrap_or_default();
            let detail = String::from_utf8_lossy(body).trim().chars().take(200).collect::<String>();
            let detail = if detail.is_empty() { detail } else { format!(" ({detail})") };
            Err(CallError::Refused { url: url.to_owned(), status: response.status().as_u16(), detail })
        }
        Ok(Err(e)) => Err(failed(e.to_string())),
    }
}

/// The request of the upgrade. Nothing is in it that Twilio's does not have.
fn upgrade(url: &str, headers: &[(String, String)]) -> Result<Request, CallError> {
    let bad = |reason: String| CallError::Url { url: url.to_owned(), reason };
    let parsed = url::Url::parse(url).map_err(|e| bad(e.to_string()))?;
    if !matches!(parsed.scheme(), "ws" | "wss") {
        return Err(bad("it begins neither with ws:// nor with wss://".into()));
    }
    let mut request = url.into_client_request().map_err(|e| bad(e.to_string()))?;
    for (name, value) in headers {
        let (Ok(header), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) else {
            return Err(CallError::Header(name.clone()));
        };
        request.headers_mut().insert(header, value);
    }
    Ok(request)
}
