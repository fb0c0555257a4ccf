//! Noise is no caller: an agent who speaks is not stopped by it, and a caller who speaks through it
//! is heard.

use crate::track::*;
use call::{Config, Moment};

/// The agent speaks all the time, over a minute of this, 10 dB below somebody who speaks.
fn minute_of(noise: &[i16]) -> Heard {
    let caller = speech_level(&speech("Excuse me, that is not what I wanted to know."));
    let heard = play(&at_level(noise, caller - 10.0), vec![], 70, Config::default());
    let (_, until) = *heard.agent.last().unwrap();
    assert!(until > Moment::since_start(ms(59_500)), "the agent spoke until {until} only");
    heard
}

#[test]
fn a_minute_of_white_noise_does_not_stop_the_agent() {
    let heard = minute_of(&white_noise(ms(60_000), 7));
    assert_eq!(heard.clears, []);
}

#[test]
fn a_minute_of_many_voices_does_not_stop_the_agent() {
    for voices in [4, 6, 8] {
        let heard = minute_of(&babble(ms(60_000), voices));
        assert_eq!(heard.clears, [], "{voices} voices");
    }
}

#[test]
fn a_caller_who_speaks_through_it_stops_the_agent_at_once() {
    let caller = speech("Excuse me, that is not what I wanted to know.");
    let loud = speech_level(&caller);
    let noises =
        [silence(ms(20_000)), white_noise(ms(20_000), 3), babble(ms(20_000), 6), babble(ms(20_000), 8)];
    for (n, noise) in noises.iter().enumerate() {
        let noise = if n == 0 { noise.clone() } else { at_level(noise, loud - 10.0) };
        let mut spoken = silence(ms(8_000));
        spoken.extend(&caller);
        spoken.resize(noise.len(), 0);
        let heard = play(&mix(&noise, &spoken), vec![], 30, Config::default());
        let first = heard.clears.first().expect("the agent is not stopped");
        let after = first.since(Moment::since_start(ms(8_000)));
        assert!(*first > Moment::since_start(ms(8_000)), "noise {n} alone stopped the agent at {first}");
        // at once where it is quiet; over other voices with the first stressed syllable
        let most = if n < 2 { 180 } else { 700 };
        assert!(after <= ms(most), "noise {n}: {after:?} after the first sound");
    }
}
