//! One caller of the benchmark: a frame every 20 ms, and an ear that notes the times.
//!
//! It greets nobody: it waits for the greeting, says its sentence, listens to the reply and says it
//! again, and every third time it speaks over the reply.

use super::speech::{FRAME, Speech, is_audible};
use audio::g711;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use twilio::stream::decode_payload;

const PERIOD: Duration = Duration::from_millis(20);
/// The agent has finished when nothing more was heard for this long.
const FINISHED: Duration = Duration::from_millis(600);
/// Over the reply is spoken when so much of it was heard.
const OVER: Duration = Duration::from_millis(1500);
/// An answer that takes longer than this does not come.
const PATIENCE: Duration = Duration::from_secs(10);
/// A pause of more than this within what the agent says is heard as one.
const GAP: Duration = Duration::from_millis(20);

pub struct Plan {
    pub url: String,
    pub number: usize,
    pub begins: Instant,
    pub ends: Instant,
    pub speech: Arc<Speech>,
    pub interrupts: bool,
}

/// What a call was like.
#[derive(Debug, Default)]
pub struct Heard {
    pub greeting: Option<Duration>,
    pub voice_to_voice: Vec<Duration>,
    pub barge_in: Vec<Duration>,
    /// how much the agent was heard
    pub agent: Duration,
    pub gaps: u32,
    /// how late frames were sent
    pub lateness: Vec<Duration>,
    pub problem: Option<String>,
}

pub struct Telephone {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    plan: Plan,
    sid: String,
    sent: u64,
    connected: Instant,
    stage: Stage,
    /// the agent's audio that was received has been played by then
    plays_until: Instant,
    marks: VecDeque<(Instant, String)>,
    turns: u32,
    heard: Heard,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// for the greeting
    Waiting,
    /// to the agent, who began then
    Listening {
        since: Instant,
    },
    Speaking {
        frame: usize,
        over: Option<Instant>,
    },
    /// for the answer to what ended then
    Asked {
        at: Instant,
    },
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Received<'a> {
    Media {
        #[serde(borrow)]
        media: Payload<'a>,
    },
    Mark {
        mark: Name,
    },
    Clear,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

impl Telephone {
    /// Makes one call, from its beginning to its end.
    pub async fn call(plan: Plan) -> Heard {
        tokio::time::sleep_until(plan.begins).await;
        let connected = Instant::now();
        let socket = match tokio_tungstenite::connect_async(&plan.url).await {
            Ok((socket, _)) => socket,
            Err(e) => {
                return Heard { problem: Some(format!("no connection: {e}")), ..Heard::default() };
            }
        };
        let mut telephone = Self {
            socket,
            sid: format!("MZ{:032x}", plan.number),
            plan,
            sent: 0,
            connected,
            stage: Stage::Waiting,
            plays_until: connected,
            marks: VecDeque::new(),
            turns: 0,
            heard: Heard::default(),
        };
        if let Err(problem) = telephone.talk().await {
            telephone.heard.problem = Some(problem);
        }
        telephone.heard
    }

    async fn talk(&mut self) -> Result<(), String> {
        if let MaybeTlsStream::Plain(stream) = self.socket.get_ref() {
            let _ = stream.set_nodelay(true);
        }
        let (sid, call) = (self.sid.clone(), format!("CA{:032x}", self.plan.number));
        self.send(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#.to_owned()).await?;
        self.send(format!(
            r#"{{"event":"start","sequenceNumber":"1","start":{{"accountSid":"AC00000000000000000000000000000000","streamSid":"{sid}","callSid":"{call}","tracks":["inbound"],"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},"customParameters":{{}}}},"streamSid":"{sid}"}}"#
        ))
        .await?;
        let mut ticks = interval_at(Instant::now(), PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        while Instant::now() < self.plan.ends {
            tokio::select! {
                tick = ticks.tick() => self.tick(tick).await?,
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.received(&text).await?,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err("the agent hung up".into()),
                    Some(Ok(_)) => {}
                },
            }
        }
        self.send(format!(
            r#"{{"event":"stop","sequenceNumber":"{}","stop":{{}},"streamSid":"{sid}"}}"#,
            self.sent + 2
        ))
        .await?;
        let closing = async {
            let _ = self.socket.close(None).await;
            while let Some(Ok(_)) = self.socket.next().await {}
        };
        timeout(PATIENCE, closing).await.map_err(|_| "the server does not close".to_owned())
    }

    // -- the mouth

    async fn tick(&mut self, scheduled: Instant) -> Result<(), String> {
        let now = Instant::now();
        self.heard.lateness.push(now.saturating_duration_since(scheduled));
        while self.marks.front().is_some_and(|(played, _)| *played <= now) {
            if let Some((_, name)) = self.marks.pop_front() {
                self.return_mark(&name).await?;
            }
        }
        self.decide(now)?;
        let speech = self.plan.speech.clone();
        let frame = match self.stage {
            Stage::Speaking { frame, .. } => speech.frames.get(frame),
            _ => None,
        };
        self.sent += 1;
        let (n, sid, payload) = (self.sent, self.sid.as_str(), frame.unwrap_or(&speech.silence));
        let message = format!(
            r#"{{"event":"media","sequenceNumber":"{}","media":{{"track":"inbound","chunk":"{n}","timestamp":"{}","payload":"{payload}"}},"streamSid":"{sid}"}}"#,
            n + 1,
            n * 20,
        );
        self.send(message).await?;
        if let Stage::Speaking { frame, over } = &mut self.stage {
            let now = Instant::now();
            if *frame == 0 && over.is_some() {
                *over = Some(now);
            }
            *frame += 1;
            if *frame >= speech.frames.len() {
                self.stage = Stage::Asked { at: now };
            }
        }
        Ok(())
    }

    /// Whether it is time to speak.
    fn decide(&mut self, now: Instant) -> Result<(), String> {
        match self.stage {
            Stage::Waiting if now > self.connected + PATIENCE => Err("no greeting".into()),
            Stage::Asked { at } if now > at + PATIENCE => Err("no answer".into()),
            Stage::Listening { since } => {
                let over = self.plan.interrupts && self.turns % 3 == 2 && now > since + OVER;
                let speaks = now < self.plays_until;
                if over && speaks || now > self.plays_until + FINISHED {
                    self.turns += 1;
                    self.stage = Stage::Speaking { frame: 0, over: (over && speaks).then_some(now) };
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    // -- the ear

    async fn received(&mut self, text: &str) -> Result<(), String> {
        let now = Instant::now();
        match serde_json::from_str(text) {
            Ok(Received::Media { media }) => self.media(now, &media.payload),
            Ok(Received::Mark { mark }) => {
                self.marks.push_back((self.plays_until.max(now), mark.name));
                Ok(())
            }
            Ok(Received::Clear) => self.clear(now).await,
            Ok(Received::Other) => Ok(()),
            Err(e) => Err(format!("the server sent what is no message: {e}")),
        }
    }

    fn media(&mut self, now: Instant, payload: &str) -> Result<(), String> {
        let since = match self.stage {
            Stage::Waiting => Some(self.connected),
            Stage::Asked { at } => Some(at),
            // what was sent before it heard the caller
            Stage::Listening { .. } | Stage::Speaking { .. } => None,
        };
        let audio = decode_payload(payload).map_err(|e| format!("the server's audio: {e}"))?;
        let length = audio::TELEPHONE.duration_of(audio.len());
        if since.is_none() && now > self.plays_until + GAP && now < self.plays_until + FINISHED {
            self.heard.gaps += 1;
        }
        self.plays_until = self.plays_until.max(now) + length;
        self.heard.agent += length;
        if let Some(since) = since
            && g711::decode_all(&audio).chunks(FRAME).any(is_audible)
        {
            let passed = now.saturating_duration_since(since);
            match self.stage {
                Stage::Waiting => self.heard.greeting = Some(passed),
                _ => self.heard.voice_to_voice.push(passed),
            }
            self.stage = Stage::Listening { since: now };
        }
        Ok(())
    }

    async fn clear(&mut self, now: Instant) -> Result<(), String> {
        self.heard.agent = self.heard.agent.saturating_sub(self.plays_until.saturating_duration_since(now));
        self.plays_until = now;
        if let Stage::Speaking { over, .. } = &mut self.stage
            && let Some(began) = over.take()
        {
            self.heard.barge_in.push(now.saturating_duration_since(began));
        }
        for (_, name) in std::mem::take(&mut self.marks) {
            self.return_mark(&name).await?;
        }
        Ok(())
    }

    async fn return_mark(&mut self, name: &str) -> Result<(), String> {
        let sid = &self.sid;
        self.send(format!(
            r#"{{"event":"mark","sequenceNumber":"0","mark":{{"name":"{name}"}},"streamSid":"{sid}"}}"#
        ))
        .await
    }

    async fn send(&mut self, text: String) -> Result<(), String> {
        self.socket.send(Message::text(text)).await.map_err(|e| format!("the connection was lost: {e}"))
    }
}
