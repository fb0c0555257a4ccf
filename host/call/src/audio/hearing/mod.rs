//! Hearing: the caller's audio goes to the detector and to the recogniser (`sound.rs`), and words
//! come back that make a turn (`words.rs`).
//!
//! A turn is closed when there are words and
//! - the recogniser says that the turn has ended, or
//! - nobody has spoken for as long as `endpointing.rs` wants after such words, and no word is still
//!   in doubt, or
//! - nobody has spoken for `max_delay`.
//!
//! Until the words of a sound are known it may be anything: the sound itself ([`Run`]) decides only
//! whether the agent waits.

mod sound;
mod words;

use super::Settings;
use super::background::Background;
use super::chain::Chain;
use super::endpointing::Endpointing;
use super::replay::Replay;
use crate::{Moment, stt};
use ::audio::detect::{Detector, WINDOW};
use sound::PIECE_IN_SILENCE;
use std::time::Duration;

/// Recognisers that fail within this long count as one chain of failures.
const FAILURES_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Hearing {
    endpointing: Endpointing,
    detector: Box<dyn Detector>,
    /// samples that do not fill a window yet
    window: Vec<i16>,
    background: Background,
    /// how far the speech stood out that the detector hears, before it counts as begun
    stood_out: f32,
    /// how far the detector has heard
    detected_until: Moment,
    /// how long the detector has said the opposite of `speaking`
    contrary: Duration,
    /// the caller speaks, by the detector
    speaking: bool,
    /// the sound of this turn that is being heard, or was heard last
    run: Option<Run>,
    /// the far end is lost: the recogniser cannot be expected to say anything
    detached: bool,
    /// a key was pressed: nothing counts as speech until then
    deaf_until: Moment,
    /// when the caller was last heard to speak; none: not since the last turn
    speech_ended: Option<Moment>,
    /// the turn was closed before the detector came to rest: the end of that speech is not the next
    /// turn's
    closed_in_speech: bool,
    /// the conversation was told that the caller speaks, and not yet that it is quiet
    told_speaking: bool,
    /// it was told so in this turn: words that come after the sound has ended are no new speech
    told_in_turn: bool,
    recogniser: Recogniser,
    chain: Chain,
    /// so long after speech has ended a recogniser that gives no sign of life has failed
    first_words: Duration,
    /// when it last gave one
    recogniser_moved: Moment,
    /// how much it said since then
    said: (Moment, usize),
    /// when speech ended of which it has said nothing
    owed: Option<Moment>,
    /// audio that does not fill a piece yet
    piece: Vec<u8>,
    replay: Replay,
    /// what the script last wanted to be listened for
    tuning: stt::Tuning,
    /// what the recogniser said last, to know it again
    last_final: String,
    /// when a turn was closed with words that were in doubt, and these
    handed_over: Option<(Moment, String)>,
    turn: Words,
    /// the turn is not to be closed for now, however long nobody speaks
    deferred: bool,
}

/// A sound that the detector takes for speech.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) began: Moment,
    /// none: it goes on
    pub(super) ended: Option<Moment>,
    /// it may be the agent's own voice that comes back
    pub(super) echo: bool,
    /// how far its loudest moment stands out of the background, in dB
    pub(super) stands_out: f32,
}

/// What can be expected of the recogniser.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recogniser {
    None,
    Open,
    Lost,
}

/// The words of the turn that is being spoken.
#[derive(Default)]
struct Words {
    finals: String,
    partial: String,
    confidence: Option<f32>,
    language: Option<String>,
    /// when the last of them came
    at: Moment,
    /// the recogniser says that this is all
    ended: bool,
    /// the first of them came while the agent was speaking
    over_speech: bool,
}

/// What is known of the agent while the caller is listened to.
#[derive(Clone, Copy)]
pub(super) struct Agent<'a> {
    /// it is to be heard on the line
    pub(super) sounds: bool,
    /// it has just begun: a line that has not learnt its echo yet returns it
    pub(super) begins: bool,
    /// what it is saying
    pub(super) text: &'a str,
}

impl Hearing {
    pub(super) fn new(settings: &Settings, detector: Box<dyn Detector>) -> Self {
        let Settings { endpointing, recogniser, recognisers, first_words, .. } = *settings;
        Self {
            first_words,
            recogniser_moved: Moment::START,
            said: (Moment::START, 0),
            owed: None,
            endpointing,
            detector,
            window: Vec::with_capacity(WINDOW),
            background: Background::new(),
            stood_out: 0.0,
            detected_until: Moment::START,
            contrary: Duration::ZERO,
            speaking: false,
            run: None,
            detached: false,
            deaf_until: Moment::START,
            speech_ended: None,
            closed_in_speech: false,
            told_speaking: false,
            told_in_turn: false,
            recogniser: if recogniser { Recogniser::Open } else { Recogniser::None },
            chain: Chain::new(recognisers, FAILURES_WITHIN, first_words),
            piece: Vec::with_capacity(PIECE_IN_SILENCE),
            replay: Replay::default(),
            tuning: stt::Tuning::default(),
            handed_over: None,
            last_final: String::new(),
            turn: Words::default(),
            deferred: false,
        }
    }
}
