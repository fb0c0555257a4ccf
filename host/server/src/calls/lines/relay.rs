//! ConversationRelay as a socket: words in, words out, and what was wrong with them into the log.
//!
//! What Twilio was given to speak it takes back for one reason only: something else to speak. So every
//! utterance may be replaced by the next (`preemptible`), the call gives the next one when the one before
//! it was spoken ([`text::Settings::one_at_a_time`]), and to stop is to say nothing in its place.

use super::{Begun, Happened, keys};
use axum::Error;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use call::persona::Interruption;
use call::text;
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::time::Duration;
use tokio::time::timeout;
use twilio::relay::{Outgoing, Received, Receiving, Setup};

/// A session that has not begun by then is none.
const START: Duration = Duration::from_secs(10);
/// A far end that does not take what it is sent for this long is gone.
const SEND: Duration = Duration::from_secs(5);
/// It has this long to answer the end.
const CLOSE: Duration = Duration::from_secs(2);
/// So much that is wrong with a session is logged; the rest is counted.
const LOGGED: u32 = 20;
/// Said in place of what is not to be spoken any more.
const NOTHING: &str = " ";

pub struct RelaySocket {
    /// none: it is lost, or closed by the far end
    socket: Option<WebSocket>,
    receiving: Receiving,
    call: String,
    /// some of an utterance was sent, and not its end
    is_open: bool,
    language: Option<String>,
    wrong: u32,
}

impl RelaySocket {
    pub fn new(socket: WebSocket) -> Self {
        Self {
            socket: Some(socket),
            receiving: Receiving::default(),
            call: String::new(),
            is_open: false,
            language: None,
            wrong: 0,
        }
    }

    /// Waits for the session to begin; none: it does not.
    pub async fn started(&mut self) -> Option<Begun> {
        let waiting = async {
            loop {
                let text = match self.socket.as_mut()?.next().await? {
                    Ok(Message::Text(text)) => text,
                    Ok(Message::Close(_)) | Err(_) => return None,
                    Ok(_) => continue,
                };
                match self.receiving.text(&text) {
                    Ok(Received::Started(setup)) => return Some(*setup),
                    Ok(_) => {}
                    Err(wrong) => self.note(&wrong),
                }
            }
        };
        match timeout(START, waiting).await {
            Ok(Some(setup)) => {
                self.call = setup.call_sid.clone().unwrap_or_default();
                Some(begun(setup))
            }
            Ok(None) => {
                tracing::warn!("a ConversationRelay went before it began");
                None
            }
            Err(_) => {
                tracing::warn!("a ConversationRelay did not begin within {} s", START.as_secs());
                None
            }
        }
    }

    /// What comes next; none: the far end is gone. Can be dropped and called again.
    pub async fn next(&mut self) -> Option<Vec<Happened>> {
        let received = match self.socket.as_mut()?.next().await {
            Some(Ok(Message::Text(text))) => self.receiving.text(&text),
            Some(Ok(Message::Binary(data))) => Err(twilio::relay::Wrong::Binary(data.len())),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Some(Vec::new()),
            Some(Ok(Message::Close(_))) | None => {
                // the answer to a close goes out as far as it can at once
                if let Some(mut socket) = self.socket.take() {
                    let _ = socket.flush().now_or_never();
                }
                return None;
            }
            Some(Err(e)) => {
                tracing::warn!(call_sid = self.call, "the socket of ConversationRelay was lost: {e}");
                self.socket = None;
                return None;
            }
        };
        Some(match received {
            Ok(received) => self.means(received),
            Err(wrong) => {
                self.note(&wrong);
                Vec::new()
            }
        })
    }

    fn means(&mut self, received: Received) -> Vec<Happened> {
        match received {
            // Twilio does not say how sure it is
            Received::Prompt { text, language, last } => vec![Happened::prompt(text, language, 1.0, last)],
            Received::Key(key) => vec![Happened::Key(key)],
            Received::Interrupted { spoken } => {
                self.is_open = false;
                vec![Happened::Text(text::Input::Interrupted { spoken })]
            }
            Received::Speaking(true) => vec![Happened::Text(text::Input::Speaking { says_end: true })],
            Received::Speaking(false) if !self.is_open => vec![Happened::Text(text::Input::Spoken)],
            Received::Refused(what) => {
                tracing::warn!(call_sid = self.call, "Twilio did not understand a message: {what}");
                Vec::new()
            }
            Received::Speaking(false) | Received::Started(_) | Received::Other => Vec::new(),
        }
    }

    fn note(&mut self, wrong: &twilio::relay::Wrong) {
        self.wrong += 1;
        match self.wrong {
            ..LOGGED => tracing::warn!(call_sid = self.call, "on ConversationRelay: {wrong}"),
            LOGGED => {
                tracing::warn!(call_sid = self.call, "on ConversationRelay: {wrong}; more is not logged");
            }
            _ => {}
        }
    }

    pub async fn words(&mut self, output: text::Output) {
        match output {
            text::Output::Speak { text, last, manner, .. } => {
                self.is_open = !last;
                let lang = manner.language.clone();
                self.say(text, last, lang, manner.interruption != Interruption::Nothing).await;
            }
            text::Output::Keys { presses, .. } => {
                self.feed(Outgoing::SendDigits { digits: keys(&presses) }).await;
            }
            text::Output::Stop => {
                self.is_open = false;
                self.say(NOTHING.into(), true, None, true).await;
            }
            text::Output::Listen { language, .. } => self.listen(language).await,
            // keys come one by one
            text::Output::Collect { .. } => {}
        }
    }

    async fn say(&mut self, token: String, last: bool, lang: Option<String>, interruptible: bool) {
        self.feed(Outgoing::Text { token, last, lang, interruptible, preemptible: true }).await;
    }

    /// Nothing is said where it is the same as before.
    async fn listen(&mut self, language: Option<String>) {
        if language.is_some() && language != self.language {
            self.language.clone_from(&language);
            self.feed(Outgoing::Language { tts_language: None, transcription_language: language }).await;
        }
    }

    async fn feed(&mut self, message: Outgoing) {
        if let Some(socket) = &mut self.socket {
            let sent = timeout(SEND, socket.feed(Message::text(message.to_text()))).await;
            self.check(sent);
        }
    }

    /// Sends what was given since the last time.
    pub async fn flush(&mut self) {
        if let Some(socket) = &mut self.socket {
            let sent = timeout(SEND, socket.flush()).await;
            self.check(sent);
        }
    }

    fn check(&mut self, sent: Result<Result<(), Error>, tokio::time::error::Elapsed>) {
        let problem = match sent {
            Ok(Ok(())) => return,
            Ok(Err(e)) => e.to_string(),
            Err(_) => format!("it takes nothing for {} s", SEND.as_secs()),
        };
        tracing::warn!(call_sid = self.call, "the socket of ConversationRelay was lost: {problem}");
        // closed at once: Twilio asks what follows when it is
        self.socket = None;
    }

    /// The far end cannot be reached any more.
    pub fn is_gone(&self) -> bool {
        self.socket.is_none()
    }

    /// Closes a session that is not wanted, and says why.
    pub async fn refuse(mut self, why: &'static str) {
        let frame = CloseFrame { code: axum::extract::ws::close_code::POLICY, reason: why.into() };
        if let Some(socket) = &mut self.socket {
            let _ = timeout(CLOSE, socket.send(Message::Close(Some(frame)))).await;
        }
    }

    /// Ends it properly, and waits a moment for the far end to close.
    pub async fn close(mut self, handoff: String) {
        if self.wrong > LOGGED {
            let more = self.wrong - LOGGED;
            tracing::warn!(call_sid = self.call, "{more} more messages of the session were wrong");
        }
        self.feed(Outgoing::End { handoff_data: Some(handoff) }).await;
        let Some(mut socket) = self.socket.take() else { return };
        let closing = async {
            if socket.flush().await.is_ok() {
                while let Some(Ok(_)) = socket.next().await {}
            }
        };
        // one that does not close is dropped
        let _ = timeout(CLOSE, closing).await;
    }
}

/// What the session says of the call, in the words in which our own documents say it.
fn begun(setup: Setup) -> Begun {
    let Setup { account_sid, call_sid, from, to, direction, custom_parameters, .. } = setup;
    let mut parameters = custom_parameters;
    let outbound = direction.as_deref().is_some_and(|direction| direction.starts_with("outbound"));
    let (caller, called) = if outbound { (to, from) } else { (from, to) };
    let told = [("direction", direction), ("caller", caller), ("called", called)];
    for (name, value) in told {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            parameters.entry(name.to_owned()).or_insert(value);
        }
    }
    Begun { account_sid, call_sid, parameters }
}
