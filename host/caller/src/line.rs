//! The call itself.

use crate::ear::{Ear, FRAME};
use crate::mouth::Mouth;
use crate::plan::{Plan, Step};
use audio::wav;
use futures_util::{SinkExt, StreamExt};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use twilio::stream::{Dtmf, Incoming, Mark, Media, MediaFormat, OWN_PARAMETER, Outgoing, Own, Start};
use twilio::stream::{decode_payload, encode_payload, to_text};

const TICK: Duration = Duration::from_millis(20);
/// The agent has finished when it was quiet this long: frames.
const PAUSE: usize = 40;
/// A caller who cuts in does so after this long: frames.
const CUT_IN_AFTER: usize = 50;
/// Between two keys: frames.
const BETWEEN_KEYS: usize = 15;
const CONNECT: Duration = Duration::from_secs(10);
/// A server has this long to answer our hanging up.
const CLOSE: Duration = Duration::from_secs(5);

/// What happened, for whoever reads along, with the time since the call began.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Connected {
        url: String,
    },
    /// A server of ours says what it can do.
    Offer {
        recogniser: Option<String>,
        said: bool,
    },
    /// The caller began to say or play this.
    Says {
        at: Duration,
        what: String,
    },
    Presses {
        at: Duration,
        key: char,
    },
    /// What the server understood.
    Understood {
        at: Duration,
        text: String,
    },
    /// The agent spoke; `heard`: what of it the caller heard, if the server tells.
    Agent {
        at: Duration,
        heard: Option<String>,
        length: Duration,
    },
    /// Something the caller had to wait for in vain.
    Waited {
        at: Duration,
        for_what: &'static str,
    },
    Ended {
        at: Duration,
        ending: Ending,
    },
}

/// Who ended the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server closed the stream; why, if it says.
    Agent { departure: Option<String> },
    /// All was said, and nobody spoke any more; or the limit was reached.
    Caller,
    /// The connection went without being closed.
    Dropped,
}

/// How the call went.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub ending: Ending,
    /// how much of the agent was heard
    pub heard: Duration,
    /// steps of the plan that were not reached
    pub left: usize,
}

impl Outcome {
    /// Why it did not go well; none: it did.
    pub fn problem(&self) -> Option<String> {
        match &self.ending {
            Ending::Dropped => Some("the connection was dropped".into()),
            Ending::Agent { departure: Some(why) } if !matches!(why.as_str(), "script" | "transferred") => {
                Some(format!("the call ended because of: {why}"))
            }
            _ if self.heard.is_zero() => Some("nothing was heard of the agent".into()),
            _ if self.left > 0 => Some(format!("the call ended with {} steps left", self.left)),
            _ => None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("{url:?} is not a media stream's address: {reason}; it looks like ws://127.0.0.1:8765/ws")]
    Url { url: String, reason: String },
    #[error("no connection to {url}: {reason}")]
    Connect { url: String, reason: String },
    #[error("{url} refused the stream: {status}{detail}")]
    Refused { url: String, status: u16, detail: String },
    #[error("the connection was lost: {0}")]
    Lost(String),
    #[error(transparent)]
    Wav(#[from] wav::WavError),
}

/// Places the call and sees it through.
pub async fn call(plan: Plan, mut tell: impl FnMut(Told)) -> Result<Outcome, CallError> {
    let socket = connect(&plan.url).await?;
    tell(Told::Connected { url: plan.url.clone() });
    let out = plan.out.as_deref().map(wav::Writer::create).transpose()?;
    let mut line = Line {
        socket,
        sequence: 0,
        chunk: 0,
        began: Instant::now(),
        ear: Ear::default(),
        mouth: Mouth::default(),
        out,
        steps: plan.steps.iter().cloned().collect(),
        keys: VecDeque::new(),
        since_key: BETWEEN_KEYS,
        sends_words: false,
        agent_since_step: false,
        agent_began: None,
        agent_frames: 0,
        waited: 0,
        departure: None,
        plan,
    };
    let ending = line.run(&mut tell).await?;
    tell(Told::Ended { at: line.began.elapsed(), ending: ending.clone() });
    if let Some(out) = line.out.take() {
        out.finish()?;
    }
    let heard = audio::TELEPHONE.duration_of(line.ear.heard * FRAME);
    Ok(Outcome { ending, heard, left: line.steps.len() })
}

struct Line {
    plan: Plan,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// of the last message sent
    sequence: u64,
    /// of the last media message
    chunk: u64,
    began: Instant,
    ear: Ear,
    mouth: Mouth,
    out: Option<wav::Writer>,
    /// still to be done
    steps: VecDeque<Step>,
    /// still to be pressed
    keys: VecDeque<char>,
    since_key: usize,
    /// the server has no recogniser and takes words
    sends_words: bool,
    /// the agent has spoken since the last step was done
    agent_since_step: bool,
    /// when what the agent is saying began to be heard
    agent_began: Option<Duration>,
    /// how much of it was heard: frames
    agent_frames: usize,
    /// frames since anybody did anything
    waited: usize,
    departure: Option<String>,
}

async fn connect(url: &str) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, CallError> {
    let bad = |reason: &str| CallError::Url { url: url.to_owned(), reason: reason.to_owned() };
    let parsed = url::Url::parse(url).map_err(|e| bad(&e.to_string()))?;
    if !matches!(parsed.scheme(), "ws" | "wss") {
        return Err(bad("it begins neither with ws:// nor with wss://"));
    }
    let failed = |reason: String| CallError::Connect { url: url.to_owned(), reason };
    let connecting = tokio_tungstenite::connect_async_with_config(url, None, true);
    match tokio::time::timeout(CONNECT, connecting).await {
        Err(_) => Err(failed(format!("no answer within {} s", CONNECT.as_secs()))),
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(SocketError::Http(response))) => {
            let body = response.body().as_deref().unwrap_or_default();
            let detail = String::from_utf8_lossy(body).trim().chars().take(200).collect::<String>();
            let detail = if detail.is_empty() { detail } else { format!(" ({detail})") };
            Err(CallError::Refused { url: url.to_owned(), status: response.status().as_u16(), detail })
        }
        Ok(Err(e)) => Err(failed(e.to_string())),
    }
}

const STREAM: &str = "MZ00000000000000000000000000000001";

impl Line {
    async fn run(&mut self, tell: &mut impl FnMut(Told)) -> Result<Ending, CallError> {
        self.start().await?;
        let mut ticks = tokio::time::interval(TICK);
        // a tick that came late does not change the caller's pace
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    if self.tick(tell).await? {
                        return self.hang_up().await;
                    }
                }
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.receive(&text, tell).await?,
                    Some(Ok(Message::Close(_))) => {
                        return Ok(Ending::Agent { departure: self.departure.take() });
                    }
                    Some(Ok(_)) => {}
                    None | Some(Err(_)) => return Ok(Ending::Dropped),
                },
            }
        }
    }

    async fn start(&mut self) -> Result<(), CallError> {
        self.send(&Incoming::Connected { protocol: "Call".into(), version: "1.0.0".into() }).await?;
        let mut parameters = self.plan.parameters.clone();
        parameters.push((OWN_PARAMETER.into(), "caller".into()));
        // as unlike another call's as a process and a moment can make it
        let moment = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos() as u64;
        let call = format!("CA{:08x}{moment:024x}", std::process::id());
        let start = Start {
            stream_sid: Some(STREAM.into()),
            account_sid: Some("AC00000000000000000000000000000000".into()),
            call_sid: Some(call),
            tracks: vec!["inbound".into()],
            custom_parameters: parameters.into_iter().collect(),
            media_format: Some(MediaFormat {
                encoding: "audio/x-mulaw".into(),
                sample_rate: 8000,
                channels: 1,
            }),
        };
        let sequence_number = self.next();
        self.send(&Incoming::Start { sequence_number, stream_sid: Some(STREAM.into()), start }).await
    }

    /// 20 ms go by. Whether the caller has had enough.
    async fn tick(&mut self, tell: &mut impl FnMut(Told)) -> Result<bool, CallError> {
        self.listen(tell).await?;
        self.act(tell).await?;
        self.speak().await?;
        let enough = self.began.elapsed() >= self.plan.limit;
        let done = self.steps.is_empty() && self.keys.is_empty() && self.is_patience_over();
        Ok(enough || done)
    }

    /// Plays what the agent says.
    async fn listen(&mut self, tell: &mut impl FnMut(Told)) -> Result<(), CallError> {
        let played = self.ear.play();
        if let Some(out) = &mut self.out {
            out.write(&played.samples)?;
        }
        for name in played.marks {
            self.send_mark(name).await?;
        }
        if self.ear.quiet() == 0 {
            self.agent_began.get_or_insert(self.began.elapsed());
            self.agent_since_step = true;
            self.agent_frames += 1;
            self.waited = 0;
        } else if self.ear.quiet() == PAUSE {
            self.agent_paused(None, tell);
        }
        Ok(())
    }

    /// The agent is done with something: by its own account, or because it is quiet.
    fn agent_paused(&mut self, heard: Option<String>, tell: &mut impl FnMut(Told)) {
        let length = TICK * std::mem::take(&mut self.agent_frames) as u32;
        if let Some(at) = self.agent_began.take() {
            tell(Told::Agent { at, heard, length });
        }
    }

    /// Goes on with the plan, if it is time.
    async fn act(&mut self, tell: &mut impl FnMut(Told)) -> Result<(), CallError> {
        self.since_key += 1;
        if self.since_key >= BETWEEN_KEYS
            && let Some(key) = self.keys.pop_front()
        {
            self.since_key = 0;
            tell(Told::Presses { at: self.began.elapsed(), key });
            return self.press(key).await;
        }
        if self.mouth.is_speaking() || !self.keys.is_empty() {
            self.waited = 0;
            return Ok(());
        }
        self.waited += 1;
        let finished = self.agent_since_step && self.ear.quiet() >= PAUSE;
        let ready = match self.steps.front() {
            None => false,
            Some(Step::Interrupt(_)) => self.agent_frames >= CUT_IN_AFTER,
            Some(Step::Say(_) | Step::Play { .. } | Step::Press(_)) => finished,
        };
        let in_vain = !ready && !self.steps.is_empty() && self.is_patience_over();
        if in_vain {
            let for_what = "the agent to speak";
            tell(Told::Waited { at: self.began.elapsed(), for_what });
        }
        if ready || in_vain {
            self.step(tell);
        }
        Ok(())
    }

    fn step(&mut self, tell: &mut impl FnMut(Told)) {
        let Some(step) = self.steps.pop_front() else { return };
        self.agent_since_step = false;
        self.waited = 0;
        let at = self.began.elapsed();
        match step {
            Step::Say(text) | Step::Interrupt(text) => {
                self.mouth.say(&text);
                tell(Told::Says { at, what: text });
            }
            Step::Play { name, samples } => {
                self.mouth.play(&samples);
                tell(Told::Says { at, what: format!("({name})") });
            }
            Step::Press(keys) => self.keys = keys.chars().collect(),
        }
    }

    fn is_patience_over(&self) -> bool {
        TICK * self.waited as u32 >= self.plan.patience
    }

    /// Sends the next 20 ms, speech or silence.
    async fn speak(&mut self) -> Result<(), CallError> {
        let spoken = self.mouth.next();
        let timestamp = Some(self.chunk * TICK.as_millis() as u64);
        self.chunk += 1;
        let media = Media {
            track: Some("inbound".into()),
            chunk: Some(self.chunk),
            timestamp,
            payload: encode_payload(&spoken.frame).into(),
        };
        let sequence_number = self.next();
        self.send(&Incoming::Media { sequence_number, stream_sid: Some(STREAM.into()), media }).await?;
        if let Some((text, last)) = spoken.words.filter(|_| self.sends_words) {
            self.send(&Incoming::Said { stream_sid: Some(STREAM.into()), text, last }).await?;
        }
        if spoken.finished {
            // what the agent said meanwhile is no answer
            self.agent_since_step = false;
            self.waited = 0;
        }
        Ok(())
    }

    async fn receive(&mut self, text: &str, tell: &mut impl FnMut(Told)) -> Result<(), CallError> {
        match serde_json::from_str(text) {
            Ok(Outgoing::Media { media, .. }) => {
                // what is no audio is not played, as on a telephone
                self.ear.push_audio(decode_payload(&media.payload).unwrap_or_default());
                return Ok(());
            }
            Ok(Outgoing::Mark { mark, .. }) => {
                self.ear.push_mark(mark.name);
                return Ok(());
            }
            Ok(Outgoing::Clear { .. }) => {
                for name in self.ear.clear() {
                    self.send_mark(name).await?;
                }
                return Ok(());
            }
            Err(_) => {}
        }
        let at = self.began.elapsed();
        match serde_json::from_str(text) {
            Ok(Own::Offer { recogniser, said, .. }) => {
                self.sends_words = said && recogniser.is_none();
                tell(Told::Offer { recogniser, said });
            }
            Ok(Own::Turn { text, .. }) => tell(Told::Understood { at, text }),
            Ok(Own::Spoke { heard, .. }) if !heard.is_empty() => self.agent_paused(Some(heard), tell),
            Ok(Own::Spoke { .. }) => {}
            Ok(Own::Ended { departure, .. }) => self.departure = Some(departure),
            // Twilio ignores what it does not know, too
            Err(_) => {}
        }
        Ok(())
    }

    async fn press(&mut self, key: char) -> Result<(), CallError> {
        let dtmf = Dtmf { track: Some("inbound_track".into()), digit: key.to_string() };
        let sequence_number = self.next();
        self.send(&Incoming::Dtmf { sequence_number, stream_sid: Some(STREAM.into()), dtmf }).await
    }

    async fn send_mark(&mut self, name: String) -> Result<(), CallError> {
        let sequence_number = self.next();
        let (stream_sid, mark) = (Some(STREAM.into()), Mark { name });
        self.send(&Incoming::Mark { sequence_number, stream_sid, mark }).await
    }

    /// The caller puts the receiver down.
    async fn hang_up(&mut self) -> Result<Ending, CallError> {
        let sequence_number = self.next();
        self.send(&Incoming::Stop { sequence_number, stream_sid: Some(STREAM.into()) }).await?;
        // a server that is gone by now has ended the call as well
        let _ = self.socket.close(None).await;
        let closing = async { while let Some(Ok(_)) = self.socket.next().await {} };
        let _ = tokio::time::timeout(CLOSE, closing).await;
        Ok(Ending::Caller)
    }

    fn next(&mut self) -> Option<u64> {
        self.sequence += 1;
        Some(self.sequence)
    }

    async fn send(&mut self, message: &Incoming<'_>) -> Result<(), CallError> {
        match self.socket.send(Message::text(to_text(message))).await {
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
