//! What the agent has sent to be spoken, and how far that has come: by a clock that is told, not read.

use super::Inputs;
use crate::plan::after;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// So much of a talk cycle is heard before a caller cuts in: characters.
const CUT_IN_AFTER: usize = 16;

pub(super) struct Talk {
    pace: Duration,
    queue: VecDeque<Piece>,
    /// When the first in the queue began, or will.
    free_at: Instant,
    /// What was spoken of the talk cycle that is being spoken.
    spoken: String,
    /// Whether one is.
    open: bool,
    /// Of the cycle.
    cut_by: Inputs,
    /// The last message that came ended its cycle.
    is_last_sent: bool,
}

/// What belongs together in one message.
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) last: bool,
    pub(super) cut_by: Inputs,
    pub(super) preemptible: bool,
}

/// What has happened by some moment.
#[derive(Debug, PartialEq)]
pub(super) enum Progress {
    /// A talk cycle begins.
    Began,
    /// This text was spoken.
    Token(String),
    /// A talk cycle is over.
    Over { text: String, cut: bool },
}

/// Somebody cut in.
#[derive(Debug, PartialEq)]
pub(super) struct Cut {
    /// What was spoken of the talk cycle.
    pub(super) spoken: String,
    pub(super) took: Duration,
}

impl Talk {
    pub(super) fn new(pace: Duration, now: Instant) -> Self {
        Self {
            pace,
            queue: VecDeque::new(),
            free_at: now,
            spoken: String::new(),
            open: false,
            cut_by: Inputs::ANY,
            is_last_sent: true,
        }
    }

    /// A new talk cycle takes the place of what is preemptible.
    pub(super) fn push(&mut self, piece: Piece, now: Instant) -> Vec<Progress> {
        let mut progress = self.advance(now);
        let preempted = self.queue.iter().any(|piece| piece.preemptible);
        if self.is_last_sent && preempted {
            let heard = self.heard(now);
            let current = self.queue.front().is_some_and(|piece| piece.preemptible) && self.open;
            self.queue.retain(|piece| !piece.preemptible);
            if current {
                progress.extend(self.over(heard, true));
                self.free_at = now;
            }
        }
        if self.queue.is_empty() {
            self.free_at = self.free_at.max(now);
        }
        self.is_last_sent = piece.last;
        self.queue.push_back(piece);
        progress.extend(self.advance(now));
        progress
    }

    /// Speaks on, up to now.
    pub(super) fn advance(&mut self, now: Instant) -> Vec<Progress> {
        let mut progress = Vec::new();
        while let Some(piece) = self.queue.front() {
            if !self.open && (!piece.text.is_empty() || piece.last) && self.free_at <= now {
                self.open = true;
                progress.push(Progress::Began);
            }
            self.cut_by = piece.cut_by;
            let ends = after(self.free_at, self.takes(piece));
            if ends > now {
                break;
            }
            self.free_at = ends;
            let Some(piece) = self.queue.pop_front() else { break };
            self.spoken.push_str(&piece.text);
            if !piece.text.is_empty() {
                progress.push(Progress::Token(piece.text));
            }
            if piece.last {
                let all = std::mem::take(&mut self.spoken);
                progress.extend(self.over(all, false));
            }
        }
        progress
    }

    /// Nothing at all was spoken where a cycle had no words.
    fn over(&mut self, text: String, cut: bool) -> Option<Progress> {
        self.spoken.clear();
        self.open.then(|| {
            self.open = false;
            Progress::Over { text, cut }
        })
    }

    /// When something happens next, if nothing else does.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.front().map(|piece| after(self.free_at, self.takes(piece)))
    }

    /// Something is being spoken, or will be.
    pub(super) fn is_speaking(&self) -> bool {
        self.open || !self.queue.is_empty()
    }

    pub(super) fn cut_by(&self) -> Inputs {
        self.cut_by
    }

    /// Drops everything, if somebody can cut in; none: there is nothing to cut.
    pub(super) fn cut(&mut self, now: Instant) -> Option<Cut> {
        if !self.is_speaking() {
            return None;
        }
        let spoken = self.heard(now);
        let count = u32::try_from(spoken.chars().count()).unwrap_or(u32::MAX);
        self.queue.clear();
        self.spoken.clear();
        self.open = false;
        self.free_at = now;
        self.is_last_sent = true;
        Some(Cut { spoken, took: self.pace.saturating_mul(count) })
    }

    /// When so much was heard that a caller cuts in; none: nothing is being spoken, or more has to come.
    pub(super) fn cut_in_at(&self, now: Instant) -> Option<Instant> {
        if !self.is_speaking() {
            return None;
        }
        let before = self.spoken.chars().count();
        let cycle = self.queue.iter().take_while(|piece| !piece.last);
        let mut all = before + cycle.map(|piece| piece.text.chars().count()).sum::<usize>();
        let last = self.queue.iter().find(|piece| piece.last);
        all += last.map_or(0, |piece| piece.text.chars().count());
        let wanted = match last {
            _ if self.pace.is_zero() => 1,
            Some(_) => CUT_IN_AFTER.min(all.div_ceil(2)),
            None => CUT_IN_AFTER,
        };
        if before >= wanted {
            return Some(now);
        }
        let missing = u32::try_from(wanted - before).unwrap_or(u32::MAX);
        // of more than the first piece it is known when that one is over
        self.queue
            .front()
            .map(|piece| after(self.free_at, self.takes(piece).min(self.pace.saturating_mul(missing))))
    }

    /// What was spoken of the talk cycle by now.
    fn heard(&self, now: Instant) -> String {
        let mut heard = self.spoken.clone();
        let nanos = self.pace.as_nanos();
        let began = now.saturating_duration_since(self.free_at).as_nanos();
        if let (Some(piece), Some(count)) = (self.queue.front(), began.checked_div(nanos)) {
            heard.extend(piece.text.chars().take(usize::try_from(count).unwrap_or(usize::MAX)));
        }
        heard
    }

    fn takes(&self, piece: &Piece) -> Duration {
        let count = u32::try_from(piece.text.chars().count()).unwrap_or(u32::MAX);
        self.pace.saturating_mul(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_millis(10);

    fn piece(text: &str, last: bool) -> Piece {
        Piece { text: text.into(), last, cut_by: Inputs::ANY, preemptible: false }
    }

    fn token(text: &str) -> Progress {
        Progress::Token(text.into())
    }

    fn over(text: &str, cut: bool) -> Progress {
        Progress::Over { text: text.into(), cut }
    }

    #[test]
    fn a_talk_cycle_is_spoken_at_its_pace() {
        let began = Instant::now();
        let mut talk = Talk::new(PACE, began);
        assert_eq!(talk.push(piece("Hello ", false), began), [Progress::Began]);
        assert_eq!(talk.push(piece("you", true), began + PACE), []);
        assert_eq!(talk.next(), Some(began + 6 * PACE));
        assert_eq!(talk.advance(began + 6 * PACE), [token("Hello ")]);
        assert_eq!(talk.advance(began + 8 * PACE), []);
        assert_eq!(talk.advance(began + 9 * PACE), [token("you"), over("Hello you", false)]);
        assert!(!talk.is_speaking());
    }

    #[test]
    fn without_a_pace_everything_is_spoken_at_once() {
        let now = Instant::now();
        let mut talk = Talk::new(Duration::ZERO, now);
        assert_eq!(talk.push(piece("Hello", false), now), [Progress::Began, token("Hello")]);
        assert!(talk.is_speaking(), "its end was not sent");
        assert_eq!(talk.cut_in_at(now), Some(now));
        assert_eq!(talk.push(piece("", true), now), [over("Hello", false)]);
        assert_eq!(talk.cut(now), None);
    }

    #[test]
    fn who_cuts_in_ends_all_that_was_sent() {
        let began = Instant::now();
        let mut talk = Talk::new(PACE, began);
        talk.push(piece("Our opening hours ", false), began);
        talk.push(piece("are long", true), began);
        talk.push(piece("And more", true), began);
        assert_eq!(talk.cut_in_at(began), Some(began + 13 * PACE), "half of it");
        let cut = talk.cut(began + 11 * PACE).unwrap();
        assert_eq!(cut, Cut { spoken: "Our opening".into(), took: 11 * PACE });
        assert!(!talk.is_speaking());
        assert_eq!(talk.push(piece("late", true), began + 12 * PACE), [Progress::Began]);
    }

    #[test]
    fn the_next_talk_cycle_takes_the_place_of_what_is_preemptible() {
        let began = Instant::now();
        let mut talk = Talk::new(PACE, began);
        talk.push(Piece { preemptible: true, ..piece("One moment please", true) }, began);
        let progress = talk.push(piece("Here", true), began + 3 * PACE);
        assert_eq!(progress, [over("One", true), Progress::Began]);
        assert_eq!(talk.advance(began + 7 * PACE), [token("Here"), over("Here", false)]);
    }
}
