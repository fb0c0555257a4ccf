//! Far ends of a line of words differ in what they say of what they speak, and what they can take back.

use super::scene::{at, ms, say, say_whole};
use audio::detect::Energy;
use audio::dtmf;
use call::line::UtteranceId;
use call::persona::{Action, Ending, Event, Report};
use call::text::{Input as Words, Kept, Output as Said, Settings};
use call::{Call, Config, Input, Line, Moment, Output, text};

const PACE: std::time::Duration = ms(50);

/// A call over a line of words, and a script that begins with these.
struct Over {
    call: Call,
    begins: Vec<Action>,
    reports: Vec<Report>,
    next: Moment,
}

impl Over {
    fn new(settings: Settings, begins: Vec<Action>) -> Self {
        let config = Config { line: Line::Text(settings), ..Config::default() };
        let call = Call::new(config, Box::new(Energy::default()));
        Self { call, begins, reports: Vec::new(), next: Moment::NEVER }
    }

    /// What goes to the far end.
    fn give(&mut self, now: u64, input: Input) -> Vec<Said> {
        self.call.handle(at(now), input);
        let mut said = Vec::new();
        loop {
            match self.call.poll_output() {
                Output::Timeout(next) => {
                    self.next = next;
                    return said;
                }
                Output::Text(output) => said.push(output),
                Output::Persona(event) => {
                    let actions = match event {
                        Event::Started => std::mem::take(&mut self.begins),
                        Event::Done(report) => {
                            self.reports.push(report);
                            Vec::new()
                        }
                        _ => Vec::new(),
                    };
                    self.call.handle(at(now), Input::Persona(actions));
                }
                Output::Ended(_) => panic!("it ended"),
                _ => {}
            }
        }
    }

    fn words(&mut self, now: u64, words: Words) -> Vec<Said> {
        self.give(now, Input::Text(words))
    }

    fn told(&self) -> Vec<(u32, Ending, &str)> {
        self.reports.iter().map(|report| (report.id, report.ending, report.heard.as_str())).collect()
    }
}

fn texts(said: &[Said]) -> Vec<&str> {
    said.iter().filter_map(text_of).collect()
}

fn text_of(said: &Said) -> Option<&str> {
    match said {
        Said::Speak { text, .. } => Some(text),
        _ => None,
    }
}

fn speaking(says_end: bool) -> Words {
    Words::Speaking { says_end, kept: Vec::new() }
}

fn spoken() -> Words {
    Words::Spoken { kept: Vec::new() }
}

fn prompt(text: &str) -> Words {
    let said = call::persona::Utterance { text: text.into(), confidence: 1.0, language: None };
    Words::Prompt { said, last: true }
}

#[test]
fn one_that_says_when_it_begins_has_spoken_nothing_before() {
    let settings = Settings { pace: PACE, lag: ms(500), says_when: true, ..Settings::default() };
    // ten characters
    let mut over = Over::new(settings, vec![say(1, "Good night")]);
    assert_eq!(texts(&over.give(0, Input::Attached)), ["Good night"]);
    over.give(3_000, Input::Timeout);
    assert_eq!(over.told(), [], "it waits to be fetched");
    over.words(4_000, speaking(false));
    assert_eq!(over.next, at(5_000), "half a second until it begins, and half a second for the words");
    over.give(4_999, Input::Timeout);
    assert_eq!(over.told(), []);
    over.give(5_000, Input::Timeout);
    assert_eq!(over.told(), [(1, Ending::Complete, "Good night")]);
}

#[test]
fn one_that_says_that_it_has_spoken_is_believed() {
    let settings = Settings { pace: PACE, says_when: true, ..Settings::default() };
    let mut over = Over::new(settings, vec![say_whole(1, "Good night"), say_whole(2, "Sleep well")]);
    over.give(0, Input::Attached);
    over.words(100, speaking(false));
    over.words(300, spoken());
    assert_eq!(
        over.told(),
        [(1, Ending::Complete, "Good night"), (2, Ending::Complete, "Sleep well")],
        "sooner than at the usual pace"
    );
}

#[test]
fn one_that_will_say_so_is_waited_for_but_not_for_ever() {
    let settings = Settings { pace: PACE, ..Settings::default() };
    let mut over = Over::new(settings, vec![say(1, "Good night")]);
    over.give(0, Input::Attached);
    over.words(100, speaking(true));
    over.give(500, Input::Timeout);
    assert_eq!(over.told(), [], "it is slower than usual");
    assert_eq!(over.next, at(10_500));
    over.give(10_500, Input::Timeout);
    assert_eq!(over.told(), [(1, Ending::Complete, "Good night")]);
}

#[test]
fn one_that_drops_what_it_speaks_for_what_comes_is_given_one_thing_at_a_time() {
    let settings = Settings { pace: PACE, one_at_a_time: true, ..Settings::default() };
    let mut over = Over::new(settings, vec![say(1, "Good night"), say(2, "Sleep well")]);
    assert_eq!(texts(&over.give(0, Input::Attached)), ["Good night"]);
    over.words(10, speaking(true));
    assert_eq!(texts(&over.give(600, Input::Timeout)), [""; 0], "it still speaks");
    assert_eq!(texts(&over.words(700, spoken())), ["Sleep well"]);
}

#[test]
fn who_cuts_in_cuts_off_what_waits_as_well() {
    let settings = Settings { pace: PACE, one_at_a_time: true, ..Settings::default() };
    let begins = vec![say(1, "Good night to you"), say(2, "Sleep well"), say_whole(3, "Goodbye")];
    let mut over = Over::new(settings, begins);
    over.give(0, Input::Attached);
    let after = over.words(400, Words::Interrupted { spoken: Some("good night".into()) });
    assert_eq!(over.told(), [(1, Ending::Interrupted, "Good night"), (2, Ending::Interrupted, "")]);
    assert_eq!(texts(&after), ["Goodbye"], "nothing may cut off that");
}

#[test]
fn of_one_that_does_not_know_what_it_spoke_nothing_is_invented() {
    let settings = Settings { pace: PACE, says_when: true, ..Settings::default() };
    let mut over = Over::new(settings, vec![say(1, "Good night to you")]);
    over.give(0, Input::Attached);
    over.words(100, speaking(false));
    over.words(300, Words::Interrupted { spoken: None });
    over.words(300, prompt("wait"));
    let [(1, Ending::Interrupted, heard)] = over.told()[..] else { panic!("{:?}", over.told()) };
    assert!("Good night to you".starts_with(heard), "{heard}");
}

#[test]
fn keys_are_pressed_by_one_that_can_and_refused_by_one_that_cannot() {
    let digits = || vec![Action::SendDigits { id: 1, digits: "1w#".into() }];
    let can = Settings { keys: true, ..Settings::default() };
    let mut over = Over::new(can, digits());
    let said = over.give(0, Input::Attached);
    let presses = dtmf::parse("1w#").unwrap();
    assert!(matches!(&said[..], [Said::Keys { presses: pressed, .. }] if *pressed == presses), "{said:?}");
    assert_eq!(over.told(), []);
    over.give(1_500, Input::Timeout);
    assert_eq!(over.told(), [(1, Ending::Complete, "")]);
    let mut over = Over::new(Settings::default(), digits());
    assert_eq!(over.give(0, Input::Attached), []);
    assert_eq!(over.told(), [(1, Ending::Failed, "")]);
}

#[test]
fn what_is_listened_for_and_collected_is_told_and_told_again_when_the_line_is_back() {
    let listens = Action::Listen(call::persona::Hint {
        keyterms: vec!["Herzberg".into()],
        language: Some("de-DE".into()),
        patience: None,
    });
    let collects =
        Action::Collect(call::persona::Collection { max: 4, finish: Some('#'), timeout: ms(5_000) });
    let mut over = Over::new(Settings::default(), vec![listens, collects]);
    let listen = text::Output::Listen { keyterms: vec!["Herzberg".into()], language: Some("de-DE".into()) };
    let collect = text::Output::Collect { max: 4, finish: Some('#') };
    assert_eq!(over.give(0, Input::Attached), [listen.clone(), collect]);
    assert_eq!(over.give(1_000, Input::Detached), []);
    assert_eq!(over.give(2_000, Input::Attached), [listen]);
}

#[test]
fn what_is_kept_from_the_far_end_was_not_spoken() {
    let settings = Settings { pace: PACE, says_when: true, ..Settings::default() };
    let mut over = Over::new(settings, vec![say(1, "Good night to you"), say(2, "Sleep well")]);
    let UtteranceId(first) = match &over.give(0, Input::Attached)[0] {
        Said::Speak { utterance, .. } => *utterance,
        other => panic!("{other:?}"),
    };
    // seven characters of the first are kept, and all of the second
    let kept = |first_left| {
        let of = |utterance, characters| Kept { utterance: UtteranceId(utterance), characters };
        let all = [of(first, first_left), of(first + 1, 10)];
        all.into_iter().filter(|kept| kept.characters > 0).collect::<Vec<_>>()
    };
    over.words(100, Words::Speaking { says_end: false, kept: kept(7) });
    over.words(2_000, Words::Spoken { kept: kept(7) });
    assert_eq!(over.told(), [], "half of it was spoken");
    over.words(2_100, Words::Speaking { says_end: false, kept: kept(0) });
    over.words(3_000, Words::Spoken { kept: kept(0) });
    assert_eq!(over.told(), [(1, Ending::Complete, "Good night to you")]);
    // and one of which nothing was given is just withdrawn
    let after = over.give(3_100, Input::Interrupt);
    assert_eq!(texts(&after), [""; 0]);
    over.words(3_200, spoken());
    assert_eq!(over.told().last(), Some(&(2, Ending::Complete, "Sleep well")));
}
