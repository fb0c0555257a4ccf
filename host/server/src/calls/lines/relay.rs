//! ConversationRelay as a socket: words in, words out, and what was wrong with them into the log.
//!
//! What Twilio was given to speak it takes back for one reason only: something else to speak. So every
//! utterance may be replaced by the next (`preemptible`), the call gives the next one when the one before
//! it was spoken ([`text::Settings::one_at_a_time`]), and to stop is to say nothing in its place.

use super::socket::{Frame, Socket};
use super::{Begun, Happened, keys};
use axum::extract::ws::WebSocket;
use call::text;
use std::time::Duration;
use tokio::time::timeout;
use twilio::relay::{Outgoing, Received, Receiving, Setup, Wrong};

/// A session that has not begun by then is none.
const START: Duration = Duration::from_secs(10);
/// Said in place of what is not to be spoken any more.
const NOTHING: &str = " ";

pub struct RelaySocket {
    socket: Socket,
    receiving: Receiving,
    /// some of an utterance was sent, and not its end
    is_open: bool,
    /// Twilio speaks what it was sent last
    speaks: bool,
    /// Twilio has spoken all that it was sent of the utterance that is open
    has_spoken: bool,
    happened: Vec<Happened>,
    language: Option<String>,
}

impl RelaySocket {
    pub fn new(socket: WebSocket) -> Self {
        Self {
            socket: Socket::new(socket, "relay"),
            receiving: Receiving::default(),
            is_open: false,
            speaks: false,
            has_spoken: false,
            happened: Vec::new(),
            language: None,
        }
    }

    /// Waits for the session to begin; none: it does not.
    pub async fn started(&mut self) -> Option<Begun> {
        let waiting = async {
            loop {
                if let Some(Received::Started(setup)) = self.received().await? {
                    return Some(*setup);
                }
            }
        };
        match timeout(START, waiting).await {
            Ok(Some(setup)) => {
                self.socket.call = setup.call_sid.clone().unwrap_or_default();
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
        if !self.happened.is_empty() {
            return Some(std::mem::take(&mut self.happened));
        }
        let received = self.received().await?;
        Some(received.map(|received| self.means(received)).unwrap_or_default())
    }

    /// The next message, if it is one.
    async fn received(&mut self) -> Option<Option<Received>> {
        let received = match self.socket.next().await? {
            Frame::Text(text) => self.receiving.text(&text),
            Frame::Binary(length) => Err(Wrong::Binary(length)),
            Frame::Other => return Some(None),
        };
        Some(received.inspect_err(|wrong| self.socket.note(wrong)).ok())
    }

    fn means(&mut self, received: Received) -> Vec<Happened> {
        match received {
            // Twilio does not say how sure it is
            Received::Prompt { text, language, last } => vec![Happened::prompt(text, language, 1.0, last)],
            Received::Key(key) => vec![Happened::Key(key)],
            Received::Interrupted { spoken } => {
                (self.is_open, self.speaks, self.has_spoken) = (false, false, false);
                vec![Happened::Text(text::Input::Interrupted { spoken })]
            }
            Received::Speaking(true) => {
                (self.speaks, self.has_spoken) = (true, false);
                vec![Happened::Text(text::Input::Speaking { says_end: true, kept: Vec::new() })]
            }
            // of what was sent before it was stopped, or of something that was replaced: that is known
            Received::Speaking(false) if !std::mem::take(&mut self.speaks) => Vec::new(),
            Received::Speaking(false) if self.is_open => {
                self.has_spoken = true;
                Vec::new()
            }
            Received::Speaking(false) => vec![spoken_all()],
            Received::Refused(what) => {
                tracing::warn!(call_sid = self.socket.call, "Twilio did not understand a message: {what}");
                Vec::new()
            }
            Received::Started(_) | Received::Other => Vec::new(),
        }
    }

    pub async fn words(&mut self, output: text::Output) {
        match output {
            text::Output::Speak { text, last, manner, .. } => {
                if !self.is_open {
                    // what it says from now on is of this one
                    self.speaks = false;
                }
                self.is_open = !last;
                let rest = !text.is_empty();
                let has_spoken = std::mem::take(&mut self.has_spoken);
                if has_spoken && !rest {
                    match last {
                        true => self.happened.push(spoken_all()),
                        false => self.has_spoken = true,
                    }
                }
                // keys come as keys, and cut by what is done about them
                let interruptible = manner.interruption.by_speech();
                self.say(text, last, manner.language.clone(), interruptible).await;
            }
            text::Output::Keys { presses, .. } => {
                let digits = keys(&presses);
                if !digits.is_empty() {
                    self.feed(Outgoing::SendDigits { digits }).await;
                }
            }
            text::Output::Stop => {
                (self.is_open, self.speaks, self.has_spoken) = (false, false, false);
                self.say(NOTHING.into(), true, None, true).await;
            }
            text::Output::Listen { language, .. } => self.listen(language).await,
            // keys come one by one, and nothing is kept from Twilio
            text::Output::Collect { .. } | text::Output::Withdraw(_) => {}
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
        self.socket.feed(message.to_text()).await;
    }

    /// Sends what was given since the last time.
    pub async fn flush(&mut self) {
        self.socket.flush().await;
    }

    /// The far end cannot be reached any more.
    pub fn is_gone(&self) -> bool {
        self.socket.is_gone()
    }

    /// Closes a session that is not wanted, and says why.
    pub async fn refuse(self, why: &'static str) {
        self.socket.refuse(why).await;
    }

    /// Ends it properly, and waits a moment for the far end to close.
    pub async fn close(self, handoff: String) {
        self.socket.close_with(Outgoing::End { handoff_data: Some(handoff) }.to_text()).await;
    }
}

fn spoken_all() -> Happened {
    Happened::Text(text::Input::Spoken { kept: Vec::new() })
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
