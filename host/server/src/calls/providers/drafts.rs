//! Utterances on their way to the voice: one that may turn out to be a phrase that is known by heart waits
//! until the call has said all that it has to say at this moment; what is new is listened to, and may be known
//! by heart the next time.

use super::phrases::{LONGEST_SOUND, LONGEST_TEXT, Phrases, Sound, Speaker};
use call::line::UtteranceId;
use call::tts::{Effect, Event};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Drafts(BTreeMap<UtteranceId, Draft>);

struct Draft {
    speaker: Speaker,
    text: String,
    whole: bool,
    /// not given to the voice so far
    held: Vec<Event>,
    /// what the voice gave; none: it is too long to be known by heart
    sounds: Option<Vec<Sound>>,
    /// of that, in bytes
    size: usize,
}

/// What becomes of an event.
pub(super) enum Told {
    /// the voice is told these
    Voice(Vec<Event>),
    /// nobody is told; this comes of it
    Known(Vec<Effect>),
}

impl Drafts {
    /// The call tells the voice something. `speaker`: who would speak; none: it is not to be remembered.
    pub(super) fn tell(
        &mut self,
        event: Event,
        speaker: impl FnOnce() -> Speaker,
        phrases: &Phrases,
    ) -> Told {
        match event {
            Event::Begin { utterance, ref voice, ref language } => {
                // what an utterance does not say is as the session was opened
                let of = speaker();
                let (voice, language) = (voice.clone().or(of.voice), language.clone().or(of.language));
                let speaker = Speaker { voice, language, ..of };
                let (text, held) = (String::new(), vec![event]);
                let draft = Draft { speaker, text, whole: false, held, sounds: Some(Vec::new()), size: 0 };
                self.0.insert(utterance, draft);
                Told::Voice(Vec::new())
            }
            Event::Speak { utterance, ref text, last } => {
                let Some(draft) = self.0.get_mut(&utterance) else { return Told::Voice(vec![event]) };
                draft.text.push_str(text);
                draft.whole = last;
                if draft.text.len() > LONGEST_TEXT {
                    draft.sounds = None;
                }
                if draft.held.is_empty() {
                    return Told::Voice(vec![event]);
                }
                draft.held.push(event);
                if last && let Some(sounds) = phrases.find(&draft.speaker, &draft.text) {
                    self.0.remove(&utterance);
                    return Told::Known(played(utterance, &sounds));
                }
                match !last && phrases.begins(&draft.speaker, &draft.text) {
                    true => Told::Voice(Vec::new()),
                    false => Told::Voice(std::mem::take(&mut draft.held)),
                }
            }
            Event::Cancel(utterance) => match self.0.remove(&utterance) {
                // the voice knows nothing of it
                Some(draft) if !draft.held.is_empty() => Told::Voice(Vec::new()),
                _ => Told::Voice(vec![event]),
            },
            Event::Prepare | Event::More => Told::Voice(vec![event]),
        }
    }

    /// The call has said all that it has to say now: what waits is none of those that are known.
    pub(super) fn release(&mut self) -> Vec<Event> {
        self.0.values_mut().flat_map(|draft| std::mem::take(&mut draft.held)).collect()
    }

    /// What the voice gives.
    pub(super) fn said(&mut self, effects: &[Effect], phrases: &Phrases) {
        for effect in effects {
            match effect {
                Effect::Audio { utterance, data } => {
                    if let Some(draft) = self.0.get_mut(utterance) {
                        draft.size += data.len();
                        draft.sounds.take_if(|_| draft.size > LONGEST_SOUND);
                        if let Some(sounds) = &mut draft.sounds {
                            sounds.push(Sound::Audio(data.clone()));
                        }
                    }
                }
                Effect::Timing { utterance, word } => {
                    if let Some(sounds) = self.0.get_mut(utterance).and_then(|draft| draft.sounds.as_mut()) {
                        sounds.push(Sound::Timing(word.clone()));
                    }
                }
                Effect::Finished(utterance) => {
                    if let Some(Draft { speaker, text, whole: true, sounds: Some(sounds), size, .. }) =
                        self.0.remove(utterance)
                    {
                        phrases.said(&speaker, &text, sounds, size);
                    }
                }
                // what goes on with another voice is made of two
                Effect::Failed(_) => self.0.clear(),
                Effect::More | Effect::Usage(_) => {}
            }
        }
    }

    /// Another voice speaks from here on.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn played(utterance: UtteranceId, sounds: &Arc<[Sound]>) -> Vec<Effect> {
    let sounds = sounds.iter().map(|sound| match sound {
        Sound::Audio(data) => Effect::Audio { utterance, data: data.clone() },
        Sound::Timing(word) => Effect::Timing { utterance, word: word.clone() },
    });
    sounds.chain([Effect::Finished(utterance)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: UtteranceId = UtteranceId(1);

    fn speaker() -> Speaker {
        Speaker { component: "flite-tts".into(), hash: "a".into(), voice: None, language: None }
    }

    fn begin() -> Event {
        Event::Begin { utterance: ONE, voice: None, language: None }
    }

    fn speak(text: &str, last: bool) -> Event {
        Event::Speak { utterance: ONE, text: text.into(), last }
    }

    fn sound() -> Effect {
        Effect::Audio { utterance: ONE, data: vec![7; 160] }
    }

    /// What the voice was told of one utterance, and what was known of it.
    fn say(phrases: &Phrases, pieces: &[&str]) -> (Vec<Event>, Vec<Effect>) {
        let mut drafts = Drafts::default();
        let (mut told, mut known) = (Vec::new(), Vec::new());
        let last = pieces.len() - 1;
        let events = pieces.iter().enumerate().map(|(at, piece)| speak(piece, at == last));
        for event in [begin()].into_iter().chain(events) {
            match drafts.tell(event, speaker, phrases) {
                Told::Voice(events) => told.extend(events),
                Told::Known(effects) => known.extend(effects),
            }
        }
        told.extend(drafts.release());
        drafts.said(&[sound(), Effect::Finished(ONE)], phrases);
        (told, known)
    }

    #[test]
    fn the_third_time_a_greeting_is_played_from_memory() {
        let phrases = Phrases::default();
        for _ in 0..2 {
            let (told, known) = say(&phrases, &["Hello,", " how are you?"]);
            assert_eq!(told, [begin(), speak("Hello,", false), speak(" how are you?", true)]);
            assert!(known.is_empty());
        }
        let (told, known) = say(&phrases, &["Hello,", " how are you?"]);
        assert_eq!((told, known), (vec![], vec![sound(), Effect::Finished(ONE)]));
        // one that only begins like it
        let (told, known) = say(&phrases, &["Hello,", " how is it going?"]);
        assert_eq!(told, [begin(), speak("Hello,", false), speak(" how is it going?", true)]);
        assert!(known.is_empty());
    }

    #[test]
    fn of_what_is_too_long_to_be_said_twice_nothing_is_kept() {
        let (phrases, mut drafts) = (Phrases::default(), Drafts::default());
        for event in [begin(), speak("A long story.", true)] {
            drafts.tell(event, speaker, &phrases);
        }
        let piece = Effect::Audio { utterance: ONE, data: vec![7; LONGEST_SOUND] };
        drafts.said(std::slice::from_ref(&piece), &phrases);
        assert!(drafts.0[&ONE].sounds.is_some());
        drafts.said(&[piece], &phrases);
        assert!(drafts.0[&ONE].sounds.is_none());
    }

    #[test]
    fn what_is_not_said_at_once_does_not_wait_for_its_end() {
        let phrases = Phrases::default();
        for _ in 0..2 {
            say(&phrases, &["Hello,", " how are you?"]);
        }
        let mut drafts = Drafts::default();
        for event in [begin(), speak("Hello,", false)] {
            assert!(matches!(drafts.tell(event, speaker, &phrases), Told::Voice(told) if told.is_empty()));
        }
        assert_eq!(drafts.release(), [begin(), speak("Hello,", false)]);
        let more = drafts.tell(speak(" how are you?", true), speaker, &phrases);
        assert!(matches!(more, Told::Voice(told) if told == [speak(" how are you?", true)]));
        // one that the voice never heard of need not be cancelled
        drafts.tell(begin(), speaker, &phrases);
        assert!(
            matches!(drafts.tell(Event::Cancel(ONE), speaker, &phrases), Told::Voice(told) if told.is_empty())
        );
    }
}
