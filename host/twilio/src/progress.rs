//! How far a call has come, out of status callbacks that arrive late, twice, or in any order.
//!
//! What holds, whatever the order: a call never goes back to an earlier status, an end is never missed
//! and never told twice, and nothing after an end counts. Twilio's `SequenceNumber` decides between two
//! callbacks; what comes without one (a webhook, an answer of REST) counts if it is a later station of
//! a call's life.
//!
//! One [`Progress`] is for one call: the two legs of a `<Dial>` are two calls.

use crate::status::Status;
use crate::webhook::Webhook;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    status: Option<Status>,
    /// the highest sequence number that counted
    sequence_number: Option<u64>,
}

impl Progress {
    /// Takes a status in, and says whether it is news.
    pub fn take(&mut self, status: &Status, sequence_number: Option<u64>) -> bool {
        if !self.is_news(status, sequence_number) {
            return false;
        }
        self.status = Some(status.clone());
        self.sequence_number = self.sequence_number.max(sequence_number);
        true
    }

    /// The same of a callback; one without a status, such as a stream's, is no news.
    pub fn take_webhook(&mut self, webhook: &Webhook) -> bool {
        webhook.status.as_ref().is_some_and(|status| self.take(status, webhook.sequence_number))
    }

    /// Where the call is.
    pub fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    pub fn is_over(&self) -> bool {
        self.status.as_ref().is_some_and(Status::is_over)
    }

    fn is_news(&self, status: &Status, sequence_number: Option<u64>) -> bool {
        let Some(now) = &self.status else {
            return true;
        };
        if now.is_over() || now == status {
            return false;
        }
        if status.is_over() {
            return true;
        }
        let later = match (sequence_number, self.sequence_number) {
            (Some(theirs), Some(ours)) => theirs > ours,
            // nothing to compare by: the stations decide alone
            _ => true,
        };
        match (station(status), station(now)) {
            (Some(theirs), Some(ours)) => later && theirs > ours,
            // a status that nobody knows has no place in the row
            _ => later && sequence_number.is_some(),
        }
    }
}

/// What an answer of REST said is where callbacks go on.
impl From<Status> for Progress {
    fn from(status: Status) -> Self {
        Self { status: Some(status), sequence_number: None }
    }
}

/// The stations before the end, in their order.
fn station(status: &Status) -> Option<u8> {
    match status {
        Status::Queued => Some(0),
        Status::Initiated => Some(1),
        Status::Ringing => Some(2),
        Status::InProgress => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(callbacks: &[(&str, u64)]) -> (Vec<String>, Progress) {
        let mut progress = Progress::default();
        let mut news = Vec::new();
        for (word, number) in callbacks {
            if progress.take(&Status::from(*word), Some(*number)) {
                news.push((*word).to_owned());
            }
        }
        (news, progress)
    }

    #[test]
    fn a_call_that_went_well_is_told_station_by_station() {
        let (news, progress) =
            after(&[("initiated", 0), ("ringing", 1), ("in-progress", 2), ("completed", 3)]);
        assert_eq!(news, ["initiated", "ringing", "in-progress", "completed"]);
        assert!(progress.is_over());
    }

    #[test]
    fn a_callback_that_comes_twice_is_news_once() {
        let (news, _) = after(&[("initiated", 0), ("initiated", 0), ("ringing", 1), ("initiated", 0)]);
        assert_eq!(news, ["initiated", "ringing"]);
    }

    #[test]
    fn ringing_that_comes_after_the_answer_changes_nothing() {
        let (news, progress) = after(&[("in-progress", 2), ("ringing", 1), ("initiated", 0)]);
        assert_eq!(news, ["in-progress"]);
        assert_eq!(progress.status(), Some(&Status::InProgress));
    }

    #[test]
    fn nothing_counts_after_the_end_not_even_another_end() {
        let (news, progress) = after(&[("busy", 2), ("in-progress", 3), ("completed", 4)]);
        assert_eq!(news, ["busy"]);
        assert_eq!(progress.status(), Some(&Status::Busy));
    }

    #[test]
    fn an_end_counts_whatever_its_number() {
        let (news, _) = after(&[("in-progress", 7), ("completed", 3)]);
        assert_eq!(news, ["in-progress", "completed"]);
    }

    #[test]
    fn what_has_no_number_counts_if_it_is_a_later_station() {
        let mut progress = Progress::from(Status::Queued);
        assert!(progress.take(&Status::InProgress, None));
        assert!(!progress.take(&Status::Ringing, None));
        assert!(!progress.take(&Status::Ringing, Some(1)), "a number does not make it later");
        assert!(!progress.take(&Status::Other("parked".into()), None));
        assert!(progress.take(&Status::NoAnswer, None));
        assert!(!progress.take(&Status::Completed, None));
    }

    #[test]
    fn a_status_that_nobody_knows_counts_by_its_number() {
        let (news, _) = after(&[("ringing", 1), ("parked", 0), ("parked", 2), ("in-progress", 3)]);
        assert_eq!(news, ["ringing", "parked", "in-progress"]);
    }

    #[test]
    fn what_has_no_number_does_not_make_the_numbers_begin_again() {
        let mut progress = Progress::default();
        assert!(progress.take(&Status::Ringing, Some(1)));
        assert!(progress.take(&Status::InProgress, None));
        assert!(!progress.take(&Status::Other("parked".into()), Some(0)));
        assert!(progress.take(&Status::Other("parked".into()), Some(2)));
    }

    #[test]
    fn a_callback_about_something_else_is_no_news() {
        let mut progress = Progress::default();
        assert!(
            !progress.take_webhook(&Webhook::parse([("CallSid", "CA1"), ("StreamEvent", "stream-started")]))
        );
        assert!(progress.take_webhook(&Webhook::parse([("CallStatus", "ringing"), ("SequenceNumber", "1")])));
        assert_eq!(progress.status(), Some(&Status::Ringing));
    }

    type Callbacks = Vec<(Status, u64)>;

    /// A call's life in its order, and its callbacks as they arrive: each up to three times, in any order.
    fn callbacks() -> impl Strategy<Value = (Callbacks, Callbacks)> {
        let end = prop::sample::select(vec!["completed", "busy", "no-answer", "failed", "canceled"]);
        let open = ["queued", "initiated", "ringing", "parked", "in-progress"];
        (prop::sample::subsequence(open.to_vec(), 0..=open.len()), prop::option::of(end), 0..9_u64)
            .prop_map(|(open, end, first)| {
                let words = open.into_iter().chain(end).map(Status::from);
                words.zip(first..).collect::<Callbacks>()
            })
            .prop_flat_map(|life| {
                let copies = prop::collection::vec(1..=3_usize, life.len());
                (Just(life), copies)
            })
            .prop_flat_map(|(life, copies)| {
                let many: Vec<_> = life
                    .iter()
                    .zip(copies)
                    .flat_map(|(callback, copies)| std::iter::repeat_n(callback.clone(), copies))
                    .collect();
                (Just(life), Just(many).prop_shuffle())
            })
    }

    proptest! {
        #[test]
        fn in_any_order_the_call_comes_to_the_same_status_and_never_goes_back((life, arrived) in callbacks()) {
            let mut progress = Progress::default();
            let mut news = Vec::new();
            for (status, number) in &arrived {
                let before = progress.clone();
                if progress.take(status, Some(*number)) {
                    news.push(*number);
                    prop_assert_eq!(progress.status(), Some(status));
                    prop_assert!(!before.is_over());
                } else {
                    prop_assert_eq!(&progress, &before);
                }
            }
            prop_assert!(news.is_sorted_by(|one, next| one < next), "{:?}", news);
            prop_assert_eq!(progress.status(), life.last().map(|(status, _)| status));
            prop_assert_eq!(progress.is_over(), life.last().is_some_and(|(status, _)| status.is_over()));
        }

        #[test]
        fn in_order_everything_is_news_once((life, _) in callbacks()) {
            let mut progress = Progress::default();
            for (status, number) in &life {
                prop_assert!(progress.take(status, Some(*number)));
                prop_assert!(!progress.take(status, Some(*number)));
            }
        }
    }
}
