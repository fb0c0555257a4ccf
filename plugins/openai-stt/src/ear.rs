//! Cuts the caller's audio into utterances, where the host's detector says that they are.

/// The detector knows that somebody speaks only after a while of it; what was before is heard too.
const LEAD_MS: u32 = 500;
/// Somebody who speaks for longer is transcribed in parts.
const LONGEST_MS: u32 = 30_000;
/// Servers refuse what is shorter, and nobody says anything in it.
const SHORTEST_MS: u32 = 100;

pub(crate) struct Ear {
    /// samples per second, of two bytes each
    rate: u32,
    /// bytes since the session's first frame
    heard: u64,
    /// the last audio in which nobody spoke and which belongs to no utterance
    lead: Vec<u8>,
    /// what is being said; none: nobody speaks
    utterance: Option<Vec<u8>>,
}

/// A piece of audio in which somebody speaks.
pub(crate) struct Cut {
    pub(crate) audio: Vec<u8>,
    /// where it ends, in milliseconds from the session's first frame
    pub(crate) until: u32,
}

impl Ear {
    pub(crate) fn new(rate: u32) -> Self {
        Self { rate, heard: 0, lead: Vec::new(), utterance: None }
    }

    /// More audio; an utterance, if this makes it too long.
    pub(crate) fn hear(&mut self, piece: &[u8]) -> Option<Cut> {
        self.heard += piece.len() as u64;
        let (lead, longest) = (self.bytes(LEAD_MS), self.bytes(LONGEST_MS));
        match &mut self.utterance {
            Some(utterance) => {
                utterance.extend_from_slice(piece);
                if utterance.len() >= longest { self.cut() } else { None }
            }
            None => {
                self.lead.extend_from_slice(piece);
                self.lead.drain(..self.lead.len().saturating_sub(lead));
                None
            }
        }
    }

    pub(crate) fn speech_started(&mut self) {
        if self.utterance.is_none() {
            self.utterance = Some(std::mem::take(&mut self.lead));
        }
    }

    /// The utterance that has ended.
    pub(crate) fn speech_ended(&mut self) -> Option<Cut> {
        let cut = self.cut();
        self.utterance = None;
        cut
    }

    /// The utterance so far; it goes on.
    pub(crate) fn cut(&mut self) -> Option<Cut> {
        let until = (self.heard / 2 * 1000 / u64::from(self.rate)) as u32;
        let shortest = self.bytes(SHORTEST_MS);
        let audio = std::mem::take(self.utterance.as_mut()?);
        (audio.len() >= shortest).then_some(Cut { audio, until })
    }

    fn bytes(&self, milliseconds: u32) -> usize {
        (u64::from(self.rate) * u64::from(milliseconds) / 1000 * 2) as usize
    }
}

impl Cut {
    /// How long it is, in milliseconds.
    pub(crate) fn duration(&self, rate: u32) -> u64 {
        self.audio.len() as u64 / 2 * 1000 / u64::from(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many milliseconds at 16 kHz, all samples the same.
    fn audio(milliseconds: usize, byte: u8) -> Vec<u8> {
        vec![byte; milliseconds * 32]
    }

    #[test]
    fn an_utterance_begins_half_a_second_before_the_detector_noticed() {
        let mut ear = Ear::new(16000);
        for _ in 0..30 {
            assert!(ear.hear(&audio(100, 0)).is_none());
        }
        ear.speech_started();
        assert!(ear.hear(&audio(40, 1)).is_none());
        let cut = ear.speech_ended().unwrap();
        assert_eq!(cut.audio, [audio(500, 0), audio(40, 1)].concat());
        assert_eq!((cut.until, cut.duration(16000)), (3040, 540));
    }

    #[test]
    fn nothing_is_heard_twice() {
        let mut ear = Ear::new(16000);
        ear.hear(&audio(300, 0));
        ear.speech_started();
        ear.hear(&audio(200, 1));
        assert_eq!(ear.speech_ended().unwrap().audio, [audio(300, 0), audio(200, 1)].concat());
        ear.hear(&audio(100, 2));
        ear.speech_started();
        ear.hear(&audio(100, 3));
        assert_eq!(ear.speech_ended().unwrap().audio, [audio(100, 2), audio(100, 3)].concat());
    }

    #[test]
    fn somebody_who_does_not_stop_is_heard_in_parts() {
        let mut ear = Ear::new(16000);
        ear.speech_started();
        let mut cuts: Vec<Cut> = (0..900).filter_map(|_| ear.hear(&audio(40, 1))).collect();
        cuts.extend(ear.speech_ended());
        let parts: Vec<(u32, u64)> = cuts.iter().map(|cut| (cut.until, cut.duration(16000))).collect();
        assert_eq!(parts, [(30_000, 30_000), (36_000, 6_000)]);
    }

    #[test]
    fn what_was_said_so_far_can_be_had_while_it_goes_on() {
        let mut ear = Ear::new(16000);
        assert!(ear.cut().is_none(), "nobody speaks");
        ear.speech_started();
        ear.hear(&audio(300, 1));
        assert_eq!(ear.cut().unwrap().until, 300);
        ear.hear(&audio(200, 2));
        assert_eq!(ear.speech_ended().unwrap().audio, audio(200, 2));
        assert!(ear.speech_ended().is_none());
    }

    #[test]
    fn what_is_too_short_to_say_anything_in_is_left_out() {
        let mut ear = Ear::new(16000);
        ear.speech_started();
        ear.hear(&audio(300, 1));
        ear.cut();
        ear.hear(&audio(80, 0));
        assert!(ear.speech_ended().is_none());
    }
}
