//! A websocket, from its handshake to its end.

use super::headers::{headers, seen};
use super::resolve::resolve;
use super::scrub::Scrubber;
use super::{CONNECT, Egress, Events, Frame, Outcome, Outgoing, SEND, tls};
use call::net::{Failure, Fault, Header};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// So much is read at once, and is cleared before it is read into: a frame of audio is far smaller.
const READ: usize = 8 * 1024;

/// A server has this long to answer our close.
const CLOSE: Duration = Duration::from_secs(2);

/// Opens it, carries frames both ways, and gives how it ended.
pub(super) async fn run(
    egress: &Egress,
    url: &str,
    set: &[Header],
    protocols: &[String],
    outgoing: mpsc::Receiver<Outgoing>,
    events: &Events,
) -> Result<Outcome, Failure> {
    let allowed = egress.rules.check(url).map_err(|why| Failure::new(Fault::Forbidden, why))?;
    let scrubber = Scrubber::new(egress.rules.secrets());
    let mut headers = headers(set, &allowed.headers)?;
    if !protocols.is_empty() {
        let value = protocols.join(", ").parse();
        let value = value.map_err(|_| Failure::new(Fault::Protocol, "the subprotocols are no header"))?;
        headers.insert("sec-websocket-protocol", value);
    }
    let connecting = async {
        let addresses = resolve(&allowed.host, allowed.port, allowed.private).await?;
        let stream = connect(&addresses).await?;
        handshake(&allowed.url, headers, stream, egress.limits.frame(), &scrubber).await
    };
    let timeout = || Failure::new(Fault::Timeout, format!("no websocket within {} s", CONNECT.as_secs()));
    let socket = tokio::time::timeout(CONNECT, connecting).await.map_err(|_| timeout())??;
    events.tell(Outcome::Opened).await?;

    let (sink, stream) = socket.split();
    let writing = write(sink, outgoing);
    let reading = read(stream, events, &scrubber);
    tokio::pin!(writing, reading);
    tokio::select! {
        ended = &mut reading => ended,
        written = &mut writing => {
            written?;
            // our close is out: the server has a moment to answer it
            match tokio::time::timeout(CLOSE, reading).await {
                Ok(ended) => ended,
                Err(_) => Ok(Outcome::Closed { code: 1006, reason: String::new() }),
            }
        }
    }
}

/// The first of the addresses that answers.
async fn connect(addresses: &[std::net::SocketAddr]) -> Result<TcpStream, Failure> {
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // a frame of audio must not wait for the next
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(e) => last = Some(e),
        }
    }
    let reason = last.map_or_else(|| "no address".to_owned(), |e| e.to_string());
    Err(Failure::new(Fault::Unreachable, format!("no connection: {reason}")))
}

async fn handshake(
    url: &url::Url,
    headers: reqwest::header::HeaderMap,
    stream: TcpStream,
    longest: usize,
    scrubber: &Scrubber,
) -> Result<Socket, Failure> {
    static TLS: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    let connector = match url.scheme() {
        "https" => Connector::Rustls(TLS.get_or_init(|| Arc::new(tls(&[b"http/1.1"]))).clone()),
        _ => Connector::Plain,
    };
    // http becomes ws, https becomes wss
    let url = url.as_str().replacen("http", "ws", 1);
    let mut request = url.into_client_request().map_err(|e| failure(e, scrubber))?;
    request.headers_mut().extend(headers);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest));
    let connected =
        tokio_tungstenite::client_async_tls_with_config(request, stream, Some(config), Some(connector));
    Ok(connected.await.map_err(|e| failure(e, scrubber))?.0)
}

/// Until the component closes it, or is gone.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut outgoing: mpsc::Receiver<Outgoing>,
) -> Result<(), Failure> {
    while let Some((frame, _waits)) = outgoing.recv().await {
        let message = match frame {
            Frame::Text(text) => Message::text(text),
            Frame::Binary(data) => Message::binary(data),
        };
        taken(sink.feed(message)).await?;
        // what waits goes out together
        if outgoing.is_empty() {
            taken(sink.flush()).await?;
        }
    }
    taken(sink.close()).await
}

/// Nobody waits for ever for a server that does not read.
async fn taken(sending: impl Future<Output = Result<(), Error>>) -> Result<(), Failure> {
    match tokio::time::timeout(SEND, sending).await {
        Ok(Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed)) => Ok(()),
        Ok(Err(e)) => Err(Failure::new(Fault::Unreachable, format!("the connection was lost: {e}"))),
        Err(_) => Err(Failure::new(
            Fault::Timeout,
            format!("the server did not take what it was sent for {} s", SEND.as_secs()),
        )),
    }
}

/// Until the server closes it.
async fn read(
    mut stream: SplitStream<Socket>,
    events: &Events,
    scrubber: &Scrubber,
) -> Result<Outcome, Failure> {
    let mut closure = (1006, String::new());
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => {
                let text = scrubber.text(text.as_str().to_owned());
                events.tell(Outcome::Frame(Frame::Text(text))).await?;
            }
            Some(Ok(Message::Binary(data))) => {
                let data = scrubber.bytes(data.into());
                events.tell(Outcome::Frame(Frame::Binary(data))).await?;
            }
            Some(Ok(Message::Close(Some(frame)))) => {
                closure = (frame.code.into(), scrubber.text(frame.reason.as_str().to_owned()));
            }
            Some(Ok(Message::Close(None))) => closure.0 = 1005,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            // it went without saying so, or after it did
            None
            | Some(Err(
                Error::ConnectionClosed
                | Error::AlreadyClosed
                | Error::Io(_)
                | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
            )) => return Ok(Outcome::Closed { code: closure.0, reason: closure.1 }),
            Some(Err(e)) => return Err(failure(e, scrubber)),
        }
    }
}

fn failure(error: Error, scrubber: &Scrubber) -> Failure {
    match error {
        Error::Http(response) => Failure {
            fault: Fault::Refused,
            code: response.status().as_u16(),
            message: format!("the server answered {}", response.status()),
            headers: seen(response.headers(), scrubber),
        },
        Error::Capacity(e) => Failure::new(Fault::TooLarge, e.to_string()),
        Error::Io(e) => Failure::new(Fault::Unreachable, format!("the connection was lost: {e}")),
        Error::Tls(e) => Failure::new(Fault::Unreachable, format!("no TLS: {e}")),
        other => Failure::new(Fault::Protocol, scrubber.text(other.to_string())),
    }
}
