//! A line of webhooks: Twilio asks what to do, and the answer is what the agent says and a `<Gather>`, in
//! which Twilio listens. What comes of it is in the next request.
//!
//! Every request has a number, its *step*, which the answer before has put into the URL. A request that
//! comes again gets the same answer, and what it says counts once. An answer leaves within eight seconds:
//! what can be said by then goes out, and the rest follows on a `<Redirect>`; nothing can be said: a
//! filler, and the same again.
//!
//! What Twilio is doing in the meantime is known from what it was told and from the clock. Speech unasked
//! has to wait until the caller has heard what is being said, and then Twilio is asked by REST to come
//! back; without credentials it waits for the next request.

mod document;

use super::{Happened, keys};
use crate::access::{CALL, CALLED, STEP};
use crate::app::Shared;
use crate::config;
use crate::registry::Known;
use call::line::UtteranceId;
use call::persona::{Departure, Interruption, Manner};
use call::text::{self, Input, Kept};
use document::{Collecting, Length, Listening, Part, Piece, What};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use twilio::twiml::{Address, Prompt, Response};
use twilio::webhook::Gathered;

/// An answer that has something to say goes out by then, also where there is more to come.
const SOON: Duration = Duration::from_millis(1500);
/// One that has nothing to say says so by then. Twilio waits for 15 s, less the ways there and back.
const FILL: Duration = Duration::from_secs(5);
/// So often in a row.
const MOST_FILLERS: u32 = 3;
/// So often in a row the caller is asked to say it again.
const MOST_REPROMPTS: u32 = 2;
/// So many answers are known, for those who ask again.
const KEPT: usize = 8;
/// A request takes so long at the most from there to here.
const WAY: Duration = Duration::from_secs(10);
/// Before the words of the caller come those that ended them: a pause, and the way here.
const ENDPOINT: Duration = Duration::from_millis(700);
/// Nobody speaks a character faster than this.
const CHARACTER: Duration = Duration::from_millis(50);
/// Twilio is not asked twice to come back within this time.
const PUSH: Duration = Duration::from_secs(10);

/// A request of Twilio's.
pub struct Asked {
    /// none: the first
    pub step: u32,
    pub heard: Heard,
    pub answer: oneshot::Sender<Reply>,
}

/// What it says of the caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// words or keys; neither: the caller was silent
    Gathered(Gathered),
    /// nothing: we have asked Twilio to come
    Called,
}

/// What Twilio is answered.
pub enum Reply {
    Document(String),
    /// The conversation is over: what follows is for whoever knows how it ended.
    Over,
}

pub struct GatherLine {
    app: Shared,
    known: Arc<Known>,
    how: config::Gather,
    language: String,
    /// the number of the request that comes next, or is being answered
    step: u32,
    answered: VecDeque<Answered>,
    pending: Option<Pending>,
    pieces: Vec<Piece>,
    /// said by the host before anything else
    before: Option<String>,
    hints: Vec<String>,
    listens_in: Option<String>,
    collecting: Option<Collecting>,
    /// what Twilio is saying
    said: Option<Saying>,
    /// more may follow without the caller
    busy: bool,
    fillers: u32,
    reprompts: u32,
    /// words had come with the last request
    had_words: bool,
    /// Twilio has told that the caller is speaking
    caller_speaks: bool,
    /// the last answer listens: otherwise Twilio comes back by itself
    listens: bool,
    /// the next request comes by then
    expected: Option<Instant>,
    overdue: Overdue,
    /// Twilio is asked to come back then, and was asked then
    push: Option<Instant>,
    pushed: Option<Instant>,
    happened: Vec<Happened>,
    /// the call is about to be over: nothing is said any more
    closes: bool,
}

/// A request that has its answer.
struct Answered {
    step: u32,
    document: String,
    had_words: bool,
}

/// A request that has no answer yet, and those that are the same.
struct Pending {
    since: Instant,
    answers: Vec<oneshot::Sender<Reply>>,
}

/// What Twilio was given to say.
struct Saying {
    since: Instant,
    fastest: Duration,
    until: Instant,
    /// Twilio has told that the caller speaks: whether they cut in is known from that
    told: bool,
    /// Twilio listens meanwhile
    listens: bool,
}

/// A request that has not come.
enum Overdue {
    No,
    /// Twilio is being asked about the call
    Asking(oneshot::Receiver<bool>),
    /// it says that the call goes on
    Waiting,
}

impl GatherLine {
    /// `before`: said by the host before anything else.
    pub fn new(
        app: Shared,
        known: Arc<Known>,
        how: config::Gather,
        language: String,
        before: Option<String>,
    ) -> Self {
        Self {
            app,
            known,
            how,
            language,
            step: 0,
            answered: VecDeque::new(),
            pending: None,
            pieces: Vec::new(),
            before,
            hints: Vec::new(),
            listens_in: None,
            collecting: None,
            said: None,
            busy: true,
            fillers: 0,
            reprompts: 0,
            had_words: false,
            caller_speaks: false,
            listens: false,
            expected: Some(Instant::now() + WAY),
            overdue: Overdue::No,
            push: None,
            pushed: None,
            happened: Vec::new(),
            closes: false,
        }
    }

    // -- in

    /// What comes next. Can be dropped and called again.
    pub async fn next(&mut self) -> Vec<Happened> {
        if self.happened.is_empty() {
            let due = self.due();
            match &mut self.overdue {
                Overdue::Asking(answer) => {
                    // one who cannot be asked knows nothing
                    let goes_on = answer.await.unwrap_or(false);
                    self.looked_up(goes_on);
                }
                Overdue::No | Overdue::Waiting => match due {
                    Some(due) => {
                        sleep_until(due).await;
                        self.timeout();
                    }
                    None => std::future::pending().await,
                },
            }
        }
        std::mem::take(&mut self.happened)
    }

    fn due(&self) -> Option<Instant> {
        if self.closes {
            return None;
        }
        let answer = self.pending.as_ref().map(|pending| {
            let can_say = self.pieces.iter().any(|piece| matches!(piece.what, What::Words(_)));
            pending.since + if can_say { SOON } else { FILL }
        });
        let late = self.pending.as_ref().map(|pending| pending.since + FILL);
        let push = self.push.map(|at| self.pushed.map_or(at, |pushed| at.max(pushed + PUSH)));
        // what is late is late once
        let now = Instant::now();
        let answer = answer.map(|at| if at <= now { late.unwrap_or(at) } else { at });
        [answer, push, self.expected.filter(|_| self.pending.is_none())].into_iter().flatten().min()
    }

    fn timeout(&mut self) {
        let now = Instant::now();
        if let Some(since) = self.pending.as_ref().map(|pending| pending.since) {
            if now >= since + SOON {
                self.answer_in_part(now >= since + FILL);
            }
            return;
        }
        if self.push.is_some_and(|at| at <= now) {
            self.push = None;
            self.come_back();
        }
        if self.expected.is_some_and(|expected| expected <= now) {
            self.overdue();
        }
    }

    /// Twilio has not asked in time.
    fn overdue(&mut self) {
        self.expected = None;
        let twilio = match self.overdue {
            Overdue::No => self.app.twilio.clone().zip(self.known.sid()),
            Overdue::Waiting | Overdue::Asking(_) => None,
        };
        let Some((twilio, sid)) = twilio else {
            tracing::warn!(call_sid = self.known.id, "Twilio asks no more: the caller is taken to have gone");
            return self.happened.push(Happened::Stopped);
        };
        let (answer, answered) = oneshot::channel();
        let vitals = self.app.services.vitals.clone();
        tokio::spawn(async move {
            let call = vitals.twilio.note(twilio.call(&sid).await);
            // the line may have gone meanwhile
            // where Twilio itself cannot be asked, nothing is known of the call
            let _ = answer.send(call.map_or_else(|error| !error.is_over(), |call| !call.status.is_over()));
        });
        self.overdue = Overdue::Asking(answered);
    }

    fn looked_up(&mut self, goes_on: bool) {
        tracing::info!(call_sid = self.known.id, goes_on, "Twilio has not asked in time; it was asked");
        self.overdue = Overdue::Waiting;
        match goes_on {
            true => self.expected = Some(Instant::now() + self.how.max_speech.0 + WAY),
            false => self.happened.push(Happened::Stopped),
        }
    }

    /// Twilio asks what to do. What that means for the call.
    pub fn asked(&mut self, asked: Asked) -> Vec<Happened> {
        let Asked { step, heard, answer } = asked;
        if step != self.step || self.pending.is_some() {
            let missed = self.missed(step, &heard);
            self.again(step, answer);
            return missed;
        }
        (self.expected, self.overdue, self.push, self.pushed) = (None, Overdue::No, None, None);
        self.caller_speaks = false;
        self.pending = Some(Pending { since: Instant::now(), answers: vec![answer] });
        // whoever asks again wants an answer
        self.busy = true;
        self.means(heard)
    }

    /// The same request again, or an old one: it is answered as it was.
    fn again(&mut self, step: u32, answer: oneshot::Sender<Reply>) {
        let document = self.answered.iter().find(|answered| answered.step == step);
        let document = document.map(|answered| answered.document.clone());
        match (document, &mut self.pending) {
            (Some(document), _) => drop(answer.send(Reply::Document(document))),
            (None, Some(pending)) if step == self.step => pending.answers.push(answer),
            (None, _) => {
                let next = Response::new().redirect(Address::post(self.url(TURN, self.step)));
                drop(answer.send(Reply::Document(next.to_string())));
            }
        }
    }

    /// Words that come with a request that was thought to have none, because Twilio was called back just
    /// when the caller had spoken: they count.
    fn missed(&mut self, step: u32, heard: &Heard) -> Vec<Happened> {
        let Heard::Gathered(gathered) = heard else { return Vec::new() };
        let had_words = match self.pending {
            Some(_) if step == self.step => Some(&mut self.had_words),
            // of those before, the last: what came before that is over
            _ => self.answered.back_mut().filter(|last| last.step == step).map(|last| &mut last.had_words),
        };
        let Some(had_words) = had_words.filter(|had_words| !**had_words && has_words(gathered)) else {
            return Vec::new();
        };
        *had_words = true;
        match self.is_unsure(gathered) {
            true => Vec::new(),
            false => self.words_of(gathered),
        }
    }

    fn means(&mut self, heard: Heard) -> Vec<Happened> {
        let said = self.said.take();
        let gathered = match heard {
            Heard::Called => Gathered::default(),
            Heard::Gathered(gathered) => {
                if let Some(said) = said {
                    let cut = has_words(&gathered) && was_interrupted(&said, &gathered);
                    return self.after_saying(cut).into_iter().chain(self.gathered(&gathered)).collect();
                }
                gathered
            }
        };
        self.gathered(&gathered)
    }

    /// What Twilio was saying is over, whether the caller cut it off or not.
    fn after_saying(&mut self, cut: bool) -> Option<Happened> {
        if cut {
            // what was to follow, and may be cut off as well, is reported as not spoken
            self.pieces.retain(|piece| !piece.manner.interruption.by_speech());
        }
        Some(Happened::Text(match cut {
            true => Input::Interrupted { spoken: None },
            false => Input::Spoken { kept: self.kept() },
        }))
    }

    /// What Twilio has not been given.
    fn kept(&self) -> Vec<Kept> {
        let of = |piece: &Piece| {
            let characters = match &piece.what {
                What::Words(text) => text.chars().count(),
                What::Keys(_) => 0,
            };
            Kept { utterance: piece.utterance, characters }
        };
        self.pieces.iter().map(of).collect()
    }

    fn gathered(&mut self, gathered: &Gathered) -> Vec<Happened> {
        self.had_words = has_words(gathered);
        let mut happened = Vec::new();
        if self.had_words {
            (self.fillers, self.push) = (0, None);
        }
        if gathered.speech.is_none() {
            // what was taken for words is none after all
            happened.push(Happened::prompt(String::new(), None, 0.0, true));
        }
        if self.is_unsure(gathered) {
            self.ask_again();
            // it was speech, and nobody knows what was said
            happened.push(Happened::prompt(String::new(), None, 0.0, true));
            return happened;
        }
        happened.extend(self.words_of(gathered));
        happened
    }

    fn words_of(&mut self, gathered: &Gathered) -> Vec<Happened> {
        let mut happened = Vec::new();
        let digits = gathered.digits.as_deref().unwrap_or_default();
        let keys = digits.chars().filter(|key| matches!(key, '0'..='9' | '*' | '#' | 'A'..='D'));
        happened.extend(keys.map(Happened::Key));
        if gathered.digits.is_some() || gathered.finished.is_some() {
            let collecting = self.collecting.take();
            // Twilio keeps the one that says that it was all, and may not tell
            let finish = gathered.finished.or_else(|| {
                let Collecting { max, finish } = collecting?;
                finish.filter(|_| digits.chars().count() < usize::from(max))
            });
            happened.extend(finish.map(Happened::Key));
        }
        if let Some(speech) = &gathered.speech {
            self.reprompts = 0;
            let sure = gathered.confidence.filter(|confidence| *confidence > 0.0).unwrap_or(1.0);
            happened.push(Happened::prompt(speech.clone(), None, sure, true));
        }
        happened
    }

    /// Twilio is not sure enough of what it heard. It says 0 where it does not know.
    fn is_unsure(&self, gathered: &Gathered) -> bool {
        let unsure = gathered.confidence.is_some_and(|sure| sure > 0.0 && sure < self.how.min_confidence);
        unsure && gathered.speech.is_some() && gathered.digits.is_none() && self.reprompts < MOST_REPROMPTS
    }

    /// Twilio tells what the caller is saying.
    pub fn partly(&mut self, step: u32, gathered: &Gathered) -> Vec<Happened> {
        let text = [&gathered.stable, &gathered.unstable].into_iter().flatten().cloned().collect::<Vec<_>>();
        let text = text.join(" ");
        if step != self.step || self.pending.is_some() || text.trim().is_empty() {
            return Vec::new();
        }
        let now = Instant::now();
        self.expected = self.expected.map(|expected| expected.max(now + self.how.max_speech.0 + WAY));
        (self.push, self.caller_speaks) = (None, true);
        let mut happened = Vec::new();
        if let Some(said) = &mut self.said
            && said.listens
        {
            let early = now.duration_since(said.since) < said.fastest;
            if !std::mem::replace(&mut said.told, true) {
                happened.extend(self.after_saying(early));
            }
        }
        happened.push(Happened::prompt(text, None, 1.0, false));
        happened
    }

    // -- out

    pub fn words(&mut self, output: text::Output) {
        match output {
            text::Output::Speak { utterance, text, last, manner } => {
                if let Some(piece) = self.open(utterance)
                    && let What::Words(words) = &mut piece.what
                {
                    words.push_str(&text);
                    piece.whole = last;
                    return;
                }
                self.pieces.push(Piece { utterance, what: What::Words(text), manner, whole: last });
            }
            text::Output::Keys { utterance, presses } => {
                let manner = Manner::new(Interruption::Nothing);
                let what = What::Keys(keys(&presses));
                self.pieces.push(Piece { utterance, what, manner, whole: true });
            }
            text::Output::Stop => {
                self.pieces.clear();
                // what Twilio is saying ends with its next question
                if self.pending.is_none() && self.said.take().is_some() && self.can_be_called_back() {
                    self.push = Some(Instant::now());
                }
            }
            text::Output::Withdraw(utterance) => self.pieces.retain(|piece| piece.utterance != utterance),
            text::Output::Listen { keyterms, language } => {
                (self.hints, self.listens_in, self.collecting) = (keyterms, language, None);
            }
            text::Output::Collect { max, finish } => self.collecting = Some(Collecting { max, finish }),
        }
    }

    fn open(&mut self, utterance: UtteranceId) -> Option<&mut Piece> {
        self.pieces.last_mut().filter(|piece| piece.utterance == utterance && !piece.whole)
    }

    /// The call has said all that it has to say at this moment. `busy`: more may follow without the
    /// caller.
    pub fn settle(&mut self, busy: bool) {
        self.busy = busy;
        if self.closes {
            return;
        }
        if let Some(pending) = &self.pending {
            let is_time = !busy || pending.since.elapsed() >= SOON;
            if is_time && let Some(part) = Part::take(&mut self.pieces, busy) {
                self.answer(part);
            }
            return;
        }
        let is_whole = self.pieces.iter().all(|piece| piece.whole);
        // not while the caller speaks, nor where Twilio comes back by itself
        let may_be_called = self.listens && !self.caller_speaks && self.can_be_called_back();
        if !self.pieces.is_empty() && is_whole && self.push.is_none() && may_be_called {
            let now = Instant::now();
            // not before what is being said was heard
            self.push = Some(self.said.as_ref().map_or(now, |said| said.until.max(now)));
        }
    }

    /// There is no time for more: what can be said is said, and otherwise that it takes a while.
    fn answer_in_part(&mut self, is_late: bool) {
        if let Some(part) = Part::take(&mut self.pieces, self.busy) {
            return self.answer(part);
        }
        if !is_late {
            return;
        }
        self.fillers += 1;
        if self.fillers > MOST_FILLERS {
            self.happened.push(Happened::Stuck);
        }
        let listening = self.listening();
        let document = match self.fillers {
            1 if !self.how.filler.trim().is_empty() => Response::new().say(listening.say(&self.how.filler)),
            _ => Response::new(),
        };
        let document = document.pause(Duration::from_secs(1)).redirect(Address::post(&listening.action));
        self.send(document, Duration::from_secs(5), false);
    }

    fn answer(&mut self, part: Part) {
        let mut length = part.length();
        let says = !part.is_empty();
        let before = match self.before.take() {
            Some(text) => {
                let of = Length::of(&text);
                (length.fastest, length.slowest) = (length.fastest + of.fastest, length.slowest + of.slowest);
                Response::new().say(self.listening().say(&text))
            }
            None => Response::new(),
        };
        let (document, listens) = part.document(before, &self.listening());
        if says {
            self.fillers = 0;
            self.says(length, listens);
            let kept = self.kept();
            self.happened.push(Happened::Text(Input::Speaking { says_end: false, kept }));
        }
        let listened = if listens { self.how.timeout.0 + self.how.max_speech.0 } else { Duration::ZERO };
        self.send(document, length.slowest.mul_f32(1.5) + listened, listens);
    }

    fn says(&mut self, Length { fastest, slowest }: Length, listens: bool) {
        let since = Instant::now();
        self.said = Some(Saying { since, fastest, until: since + slowest, told: false, listens });
    }

    /// The words were not understood well enough: they are asked for again.
    fn ask_again(&mut self) {
        self.reprompts += 1;
        let listening = self.listening();
        let prompt = vec![Prompt::Say(listening.say(&self.how.reprompt))];
        let document = Response::new()
            .gather(listening.gather(prompt, true, true))
            .redirect(Address::post(&listening.action));
        self.says(Length::of(&self.how.reprompt), true);
        self.send(document, self.how.timeout.0 + self.how.max_speech.0, true);
    }

    /// Answers the request that waits; the next one comes within `takes` and the way.
    fn send(&mut self, document: Response, takes: Duration, listens: bool) {
        let Some(Pending { answers, .. }) = self.pending.take() else { return };
        let document = document.to_string();
        if self.answered.len() >= KEPT {
            self.answered.pop_front();
        }
        let (step, had_words) = (self.step, self.had_words);
        self.answered.push_back(Answered { step, document: document.clone(), had_words });
        self.step = self.step.saturating_add(1);
        self.listens = listens;
        self.expected = Some(Instant::now() + takes + WAY);
        for answer in answers {
            // whoever asked may have gone
            let _ = answer.send(Reply::Document(document.clone()));
        }
    }

    fn listening(&self) -> Listening<'_> {
        Listening {
            how: &self.how,
            language: self.listens_in.as_deref().unwrap_or(&self.language),
            hints: &self.hints,
            collecting: self.collecting,
            action: self.url(TURN, self.step.saturating_add(1)),
            partial: self.url(PARTIAL, self.step.saturating_add(1)),
        }
    }

    fn url(&self, path: &str, step: u32) -> String {
        let path = format!("{path}?{CALL}={}&{STEP}={step}", self.known.id);
        match self.known.address() {
            Some(address) => address.http(&path),
            // Twilio takes it as of the address that it asked
            None => path,
        }
    }

    fn can_be_called_back(&self) -> bool {
        self.app.twilio.is_some() && self.known.sid().is_some()
    }

    /// The call closes its line: whoever asks waits until it is known what follows.
    pub fn closes(&mut self) {
        (self.closes, self.push, self.expected) = (true, None, None);
    }

    /// Asks Twilio to come back, where it can be asked.
    fn come_back(&mut self) {
        let (Some(twilio), Some(sid)) = (self.app.twilio.clone(), self.known.sid()) else { return };
        self.pushed = Some(Instant::now());
        let url = format!("{}&{CALLED}=1", self.url(TURN, self.step));
        let document = Response::new().redirect(Address::post(url)).to_string();
        let vitals = self.app.services.vitals.clone();
        tokio::spawn(async move {
            let told = vitals.twilio.note(twilio.redirect_call(&sid, &document).await);
            if let Err(error) = told
                && !error.is_over()
            {
                tracing::warn!(call_sid = sid, "Twilio does not come back: {error}");
            }
        });
    }

    /// The conversation is over: Twilio is told at once what follows, if it can be.
    pub fn close(mut self) {
        if let Some(pending) = self.pending.take() {
            for answer in pending.answers {
                let _ = answer.send(Reply::Over);
            }
        } else if self.known.departure() != Some(Departure::Caller) {
            self.come_back();
        }
    }
}

/// Where Twilio asks, and where it tells what the caller is saying.
pub const TURN: &str = "/voice/turn";
const PARTIAL: &str = "/voice/partial";

fn has_words(gathered: &Gathered) -> bool {
    gathered.speech.is_some() || gathered.digits.is_some() || gathered.finished.is_some()
}

/// Whether the caller began before all can have been said.
fn was_interrupted(said: &Saying, gathered: &Gathered) -> bool {
    let speech = gathered.speech.as_ref().map_or(Duration::ZERO, |speech| {
        ENDPOINT + CHARACTER * u32::try_from(speech.chars().count()).unwrap_or(u32::MAX)
    });
    said.listens && !said.told && Instant::now().duration_since(said.since) < said.fastest + speech
}
