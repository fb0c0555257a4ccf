//! Stages in virtual time.

use super::*;
use call::{Cause, Failure, chat};

fn at(ms: u64) -> Moment {
    Moment::since_start(Duration::from_millis(ms))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn stages() -> Stages {
    let redaction = Arc::new(Redaction::new(false, &[]).unwrap());
    let mut stages = Stages::new("CA1", Deadlines { llm: ms(1000), tts: ms(1000) }, ms(200), redaction);
    stages.stt_opened("ear");
    stages.tts_opened("mouth");
    stages
}

fn heard(text: &str) -> stt::Transcript {
    stt::Transcript { text: text.into(), confidence: 1.0, words: Vec::new(), until: None }
}

fn speak(utterance: u32, text: &str) -> tts::Event {
    tts::Event::Speak { utterance: UtteranceId(utterance), text: text.into(), last: false }
}

fn audio(utterance: u32) -> tts::Effect {
    tts::Effect::Audio { utterance: UtteranceId(utterance), data: vec![0; 160] }
}

#[test]
fn a_turn_is_heard_from_the_end_of_speech_to_the_last_final() {
    let mut stages = stages();
    stages.stt_told(at(1000), &stt::Event::SpeechStarted);
    stages.stt_said(at(1500), &[stt::Effect::Partial(heard("my"))]);
    // told 200 ms after it
    stages.stt_told(at(2200), &stt::Event::SpeechEnded);
    stages.stt_said(at(2250), &[stt::Effect::Partial(heard("my soup"))]);
    stages.stt_said(at(2300), &[stt::Effect::Final(heard("my soup"))]);
    stages.stt_said(at(2400), &[stt::Effect::Final(heard("was cold"))]);
    stages.turn(at(2900), 1);
    let [times] = &stages.take()[..] else { panic!("one") };
    assert_eq!((times.stage, times.provider.as_str(), times.turn), (Stage::Stt, "ear", 1));
    assert_eq!((times.first(), times.processing()), (Some(ms(250)), Some(ms(400))));
    assert_eq!(stages.take(), []);
}

#[test]
fn a_recogniser_that_is_faster_than_the_detector_is_measured_too() {
    let mut stages = stages();
    stages.stt_told(at(1000), &stt::Event::SpeechStarted);
    stages.stt_said(at(1500), &[stt::Effect::Final(heard("hello"))]);
    stages.stt_said(at(2100), &[stt::Effect::Final(heard("my soup was cold"))]);
    stages.stt_told(at(2200), &stt::Event::SpeechEnded);
    stages.turn(at(2900), 1);
    let [times] = &stages.take()[..] else { panic!("one") };
    assert_eq!((times.first(), times.processing()), (Some(ms(100)), Some(ms(100))));
}

#[test]
fn a_recogniser_that_owns_the_turn_and_closes_it_before_the_detector_is_sure_is_measured_for_that_turn() {
    let mut stages = stages();
    stages.stt_told(at(1000), &stt::Event::SpeechStarted);
    stages.stt_said(at(2080), &[stt::Effect::Final(heard("my soup was cold"))]);
    stages.turn(at(2080), 1);
    stages.stt_told(at(2200), &stt::Event::SpeechEnded);
    let [times] = &stages.take()[..] else { panic!("one") };
    assert_eq!((times.turn, times.processing()), (1, Some(ms(80))));
    stages.end(at(9000));
    assert_eq!(stages.take(), []);
}

#[test]
fn a_sound_without_words_is_no_request() {
    let mut stages = stages();
    stages.stt_told(at(1000), &stt::Event::SpeechStarted);
    stages.stt_told(at(1500), &stt::Event::SpeechEnded);
    stages.end(at(9600));
    assert_eq!((stages.take(), stages.take_failures()), (vec![], vec![]));
}

#[test]
fn a_recogniser_that_is_opened_again_has_failed_at_what_it_was_asked() {
    let mut stages = stages();
    stages.stt_opened("ear");
    stages.stt_told(at(2200), &stt::Event::SpeechEnded);
    stages.stt_given_up(at(3200));
    stages.stt_opened("ear");
    let [times] = &stages.take()[..] else { panic!("one") };
    assert_eq!((times.end, times.first(), times.processing()), (StageEnd::Failed, None, None));
    assert_eq!(stages.take_failures(), [Failed { stage: "stt", provider: "ear".into() }]);
}

#[test]
fn a_reply_is_measured_to_its_first_and_to_its_last_word() {
    let mut stages = stages();
    stages.turn(at(0), 3);
    stages.llm_asked(at(100), ReplyId(7), "mind");
    stages.llm_said(at(400), ReplyId(7), &[llm::Effect::Delta("I".into())]);
    stages.llm_said(at(900), ReplyId(7), &[llm::Effect::Delta(" see.".into())]);
    stages.llm_said(at(950), ReplyId(7), &[llm::Effect::Finished(chat::Stop::Complete)]);
    let [times] = &stages.take()[..] else { panic!("one") };
    assert_eq!((times.turn, times.first(), times.processing()), (3, Some(ms(300)), Some(ms(800))));
}

#[test]
fn a_reply_that_is_cut_short_has_a_first_word_and_no_last_and_one_that_never_comes_has_failed() {
    let mut stages = stages();
    stages.llm_asked(at(0), ReplyId(1), "mind");
    stages.llm_said(at(300), ReplyId(1), &[llm::Effect::Delta("I".into())]);
    stages.llm_cancelled(at(1400), ReplyId(1));
    stages.llm_asked(at(2000), ReplyId(2), "mind");
    stages.llm_cancelled(at(2100), ReplyId(2));
    stages.llm_asked(at(3000), ReplyId(3), "mind");
    stages.llm_cancelled(at(4000), ReplyId(3));
    stages.llm_asked(at(5000), ReplyId(4), "mind");
    let failed = llm::Effect::Failed(Failure::new(Cause::Busy, "429"));
    stages.llm_said(at(5100), ReplyId(4), &[failed]);
    let ends: Vec<_> = stages.take().iter().map(|times| (times.end, times.first())).collect();
    let expected = [
        (StageEnd::Cancelled, Some(ms(300))),
        (StageEnd::Cancelled, None),
        (StageEnd::Failed, None),
        (StageEnd::Failed, None),
    ];
    assert_eq!(ends, expected);
    assert_eq!(stages.take_failures().len(), 2);
}

#[test]
fn an_utterance_is_measured_from_its_first_text() {
    let mut stages = stages();
    let begin = tts::Event::Begin { utterance: UtteranceId(1), voice: None, language: None };
    stages.tts_told(at(0), &begin);
    stages.tts_told(at(500), &speak(1, "Hello!"));
    stages.tts_said(at(560), &[audio(1)]);
    stages.tts_told(at(600), &speak(1, " Good day."));
    stages.tts_said(at(800), &[audio(1), tts::Effect::Finished(UtteranceId(1))]);
    let [times] = &stages.take()[..] else { panic!("one") };
    assert_eq!((times.turn, times.first(), times.processing()), (0, Some(ms(60)), Some(ms(300))));
}

#[test]
fn a_voice_that_fails_has_failed_at_all_that_it_was_given_and_begins_anew() {
    let mut stages = stages();
    stages.tts_told(at(0), &speak(1, "Hello!"));
    stages.tts_said(at(50), &[audio(1)]);
    stages.tts_told(at(60), &speak(2, "Good day."));
    stages.tts_said(at(100), &[tts::Effect::Failed(Failure::new(Cause::Unreachable, "gone"))]);
    stages.tts_opened("mouth");
    stages.tts_told(at(120), &speak(2, "Good day."));
    stages.tts_said(at(200), &[audio(2), tts::Effect::Finished(UtteranceId(2))]);
    let ends: Vec<_> = stages.take().iter().map(|times| times.end).collect();
    assert_eq!(ends, [StageEnd::Failed, StageEnd::Failed, StageEnd::Complete]);
    assert_eq!(stages.take_failures(), [Failed { stage: "tts", provider: "mouth".into() }], "once");
}

#[test]
fn what_the_call_has_enough_of_has_failed_also_where_nothing_of_it_is_open() {
    let mut stages = stages();
    stages.tts_told(at(0), &speak(1, "Hello!"));
    // without a sound
    stages.tts_said(at(50), &[tts::Effect::Finished(UtteranceId(1))]);
    stages.tts_failed(at(50));
    stages.stt_given_up(at(60));
    stages.llm_given_up(at(70), "mind");
    let failed = |stage, provider: &str| Failed { stage, provider: provider.into() };
    let all = [failed("tts", "mouth"), failed("stt", "ear"), failed("llm", "mind")];
    assert_eq!(stages.take_failures(), all);
}

#[test]
fn a_summary_has_the_shortest_the_mean_and_the_longest_of_each_provider() {
    let mut summary = Summary::default();
    let times = |first: Option<u64>, last: u64, end| StageTimes {
        stage: Stage::Llm,
        provider: "mind".into(),
        turn: 1,
        began: at(1000),
        first: first.map(|first| at(1000 + first)),
        last: at(1000 + last),
        end,
    };
    summary.add(&times(Some(100), 400, StageEnd::Complete));
    summary.add(&times(Some(300), 700, StageEnd::Cancelled));
    summary.add(&times(None, 5000, StageEnd::Failed));
    summary.add(&times(Some(200), 800, StageEnd::Complete));
    let stage = summary.stages[&(Stage::Llm, "mind".to_owned())];
    assert_eq!((stage.requests, stage.failures), (4, 1));
    let of = |spread: Option<Spread>| spread.map(|spread| (spread.min, spread.avg(), spread.max));
    assert_eq!(of(stage.first), Some((ms(100), ms(200), ms(300))));
    // what was cut short says nothing of how long it would have taken
    assert_eq!(of(stage.processing), Some((ms(400), ms(600), ms(800))));
    summary.answered_after(ms(700));
    assert_eq!(of(summary.end_to_end), Some((ms(700), ms(700), ms(700))));
}
