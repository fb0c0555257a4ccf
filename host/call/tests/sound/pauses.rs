//! Twenty utterances with pauses within them: the agent does not speak into any of them, and answers
//! each of them once (DESIGN, rule 2).

use crate::track::*;
use call::Config;
use std::time::Duration;

/// What is said, with pauses in milliseconds where there is a number: as people pause within a
/// sentence, and between groups of digits.
const UTTERANCES: [(&str, &[u64]); 20] = [
    ("I would like | to change my order.", &[300]),
    ("My soup was | much too cold today.", &[900]),
    ("Well | I came in at noon | and nobody was there.", &[600, 450]),
    ("Could you tell me | when you open | on Sunday?", &[750, 350]),
    ("My name is | Anna | Schmidt.", &[800, 700]),
    ("It was the table | next to the window.", &[900]),
    ("I think | the waiter | was very kind.", &[400, 850]),
    ("The number is 0 7 7 | 4 1 2 | 9 9 0.", &[900, 900]),
    ("It is 4 1 2 | 5 5 5 | 0 1 0 0.", &[600, 700]),
    ("Room four | one | two.", &[500, 900]),
    ("My order is 1 2 3 | 4 5 6.", &[900]),
    ("Please call me at 5 5 5 | 0 1 9 9.", &[850]),
    ("I wanted | I mean I asked for | the vegetable soup.", &[300, 900]),
    ("We were | four people.", &[900]),
    ("There was a hair | in my salad.", &[650]),
    ("And then | he said | that it was my fault.", &[500, 500]),
    ("I have been a guest | for ten years.", &[900]),
    ("No | that is not | what I said.", &[300, 300]),
    ("Can I | maybe | get my money back?", &[900, 900]),
    ("Thank you | that is | everything.", &[450, 800]),
];

/// So long after the end of speech the recogniser knows the words.
const RECOGNISED: Duration = Duration::from_millis(100);

#[test]
fn nothing_is_said_into_a_pause_and_everything_is_answered() {
    for (text, pauses) in UTTERANCES {
        let mut track = silence(ms(700));
        let mut words = Vec::new();
        let parts: Vec<&str> = text.split('|').map(str::trim).collect();
        assert_eq!(parts.len(), pauses.len() + 1, "{text}");
        for (n, part) in parts.iter().enumerate() {
            let began = audio::TELEPHONE.duration_of(track.len());
            track.extend(speech(part));
            let ended = audio::TELEPHONE.duration_of(track.len());
            let first = part.split(' ').next().unwrap();
            words.push(Words::partial(began + ms(250).min(ended - began), first));
            words.push(Words::last(ended + RECOGNISED, part));
            track.extend(pauses.get(n).map_or_else(Vec::new, |pause| silence(ms(*pause))));
        }
        let ended = call::Moment::since_start(audio::TELEPHONE.duration_of(track.len()));
        track.extend(silence(ms(4_000)));
        let heard = play(&track, words, 0, Config::default());
        let (first, _) = *heard.agent.first().unwrap_or_else(|| panic!("no answer to {text:?}"));
        assert!(first > ended, "{text:?}: the agent speaks at {first}, and the caller until {ended}");
        let (_, last) = heard.turns.last().unwrap();
        assert_eq!(*last, text.replace(" |", ""), "all of it is one turn");
        // after the longest wait, the model and the voice
        assert!(first.since(ended) < ms(1_900), "{text:?}: answered {:?} after its end", first.since(ended));
    }
}
