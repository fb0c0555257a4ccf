//! Phrases that are said again and again, greetings above all: each is synthesised for each voice until it is
//! known to be one of them, and played from memory from then on. It costs no vendor anything, and nobody
//! waits for it.

use call::Word;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All of them, in bytes of sound: an hour of speech.
const ROOM: usize = 28 << 20;
/// One of them: what is longer is hardly said twice. In bytes.
pub(super) const LONGEST_TEXT: usize = 400;
pub(super) const LONGEST_SOUND: usize = 30 * 8000;
/// Texts that were said once are remembered, as hashes; so many.
const REMEMBERED: usize = 4096;

/// Whose phrase it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Speaker {
    /// the component's name, and the build of it
    pub component: String,
    pub hash: String,
    pub voice: Option<String>,
    pub language: Option<String>,
}

/// What the voice gave for it, in its order.
#[derive(Clone, Debug, PartialEq)]
pub enum Sound {
    Audio(Vec<u8>),
    Timing(Word),
}

#[derive(Default)]
pub struct Phrases(Mutex<Known>);

#[derive(Default)]
struct Known {
    phrases: BTreeMap<(Speaker, String), Phrase>,
    /// in bytes of sound
    size: usize,
    /// counts what is played
    clock: u64,
    once: HashSet<u64>,
}

struct Phrase {
    sounds: Arc<[Sound]>,
    size: usize,
    played: u64,
}

impl Phrases {
    /// What this voice gives for this text; none: it is not known.
    pub fn find(&self, speaker: &Speaker, text: &str) -> Option<Arc<[Sound]>> {
        let mut known = self.known();
        known.clock += 1;
        let clock = known.clock;
        let phrase = known.phrases.get_mut(&(speaker.clone(), text.to_owned()))?;
        phrase.played = clock;
        Some(phrase.sounds.clone())
    }

    /// Whether some known phrase of this voice begins like this.
    pub fn begins(&self, speaker: &Speaker, text: &str) -> bool {
        let known = self.known();
        let from = (speaker.clone(), text.to_owned());
        known
            .phrases
            .range(from..)
            .next()
            .is_some_and(|((of, whole), _)| of == speaker && whole.starts_with(text))
    }

    /// This was given for it, so many bytes of sound, which is not too long. It is kept once it has been said
    /// twice.
    pub fn said(&self, speaker: &Speaker, text: &str, sounds: Vec<Sound>, size: usize) {
        if size == 0 {
            return;
        }
        let mut hasher = DefaultHasher::new();
        (speaker, text).hash(&mut hasher);
        let mut known = self.known();
        if known.once.len() >= REMEMBERED {
            known.once.clear();
        }
        if known.once.insert(hasher.finish()) {
            return;
        }
        known.clock += 1;
        let phrase = Phrase { sounds: sounds.into(), size, played: known.clock };
        known.size += size;
        if let Some(before) = known.phrases.insert((speaker.clone(), text.to_owned()), phrase) {
            known.size -= before.size;
        }
        while known.size > ROOM {
            known.forget_one();
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The one that was not played for the longest time.
    fn forget_one(&mut self) {
        let oldest = self.phrases.iter().min_by_key(|(_, phrase)| phrase.played).map(|(key, _)| key.clone());
        let Some(forgotten) = oldest.and_then(|key| self.phrases.remove(&key)) else {
            self.size = 0;
            return;
        };
        self.size -= forgotten.size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaker(hash: &str) -> Speaker {
        Speaker { component: "flite-tts".into(), hash: hash.into(), voice: None, language: None }
    }

    fn sound(bytes: usize) -> Vec<Sound> {
        vec![Sound::Audio(vec![0; bytes])]
    }

    #[test]
    fn what_is_said_twice_is_known_from_then_on_to_the_same_build_only() {
        let phrases = Phrases::default();
        let (old, new) = (speaker("a"), speaker("b"));
        phrases.said(&old, "Hello!", sound(800), 800);
        assert_eq!(phrases.find(&old, "Hello!"), None);
        assert!(!phrases.begins(&old, "Hel"));
        phrases.said(&old, "Hello!", sound(800), 800);
        assert_eq!(phrases.find(&old, "Hello!").as_deref(), Some(&sound(800)[..]));
        assert!(phrases.begins(&old, "Hel") && phrases.begins(&old, "Hello!"));
        assert!(!phrases.begins(&old, "Hello! How") && !phrases.begins(&new, "Hel"));
        assert_eq!(phrases.find(&new, "Hello!"), None);
    }

    #[test]
    fn there_is_no_more_room_than_there_is_and_what_is_played_stays() {
        let phrases = Phrases::default();
        let voice = speaker("a");
        let keep = |text: &str, bytes| (0..2).for_each(|_| phrases.said(&voice, text, sound(bytes), bytes));
        keep("greeting", LONGEST_SOUND);
        for number in 0..ROOM / LONGEST_SOUND + 5 {
            keep(&format!("phrase {number}"), LONGEST_SOUND);
            assert!(phrases.find(&voice, "greeting").is_some(), "{number}");
        }
        assert_eq!(phrases.find(&voice, "phrase 0"), None);
        assert!(phrases.known().size <= ROOM);
    }
}
