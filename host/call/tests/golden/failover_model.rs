//! Models that fail, and others that go on in their place (DESIGN, rule 8): nothing is said twice, a
//! tool runs once, and every question gets one report.

use crate::scene::*;
use call::chat::{Message, Stop, ToolResult};
use call::llm::Effect;
use call::persona::{Action, Context, Ending, Event};
use call::{Cause, Config, Failure, Provider};
use insta::assert_snapshot;

const ANSWER: &str = "I am very sorry to hear that. I will tell the cook.";

fn config(models: u32) -> Config {
    let mut config = Config::default();
    config.conversation.models = models;
    config
}

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![ask(1)],
        Event::ToolCall { call, .. } => {
            vec![Action::ToolResult(ToolResult { id: call.id.clone(), content: "table 4".into() })]
        }
        Event::Done(report) if report.id == 1 => vec![say_whole(2, "Goodbye.")],
        Event::Done(_) => vec![Action::HangUp],
        _ => vec![],
    }
}

/// How a model comes to its end that should not.
#[derive(Clone, Copy, Debug)]
enum End {
    Fails(Cause),
    SaysNoMore,
    Finishes,
}

const ENDS: [End; 8] = [
    End::Fails(Cause::Misconfigured),
    End::Fails(Cause::Denied),
    End::Fails(Cause::Busy),
    End::Fails(Cause::Unreachable),
    // also what a component that traps has done
    End::Fails(Cause::Garbled),
    End::Fails(Cause::Unsupported),
    End::SaysNoMore,
    End::Finishes,
];

/// The first words of the answer, and this end.
fn breaks_off(words: usize, end: End) -> Vec<(u64, Effect)> {
    let mut effects = says(ANSWER);
    effects.truncate(words);
    effects.extend(match end {
        End::Fails(cause) => Some((30, Effect::Failed(Failure::new(cause, "simulated")))),
        End::SaysNoMore => None,
        End::Finishes => Some((30, Effect::Finished(Stop::Complete))),
    });
    effects
}

fn of(text: &str, from: usize) -> String {
    text.split(' ').skip(from).collect::<Vec<_>>().join(" ")
}

#[test]
fn whenever_and_however_a_model_fails_the_answer_is_said_once() {
    let words = ANSWER.split(' ').count();
    for end in ENDS {
        for said in 0..=words {
            if matches!(end, End::Finishes) && said > 0 {
                // that is an answer
                continue;
            }
            // the next one obeys, or repeats all of it, or the last sentence
            for repeats in [said, 0, if said > 7 { 7 } else { 0 }] {
                let story = on_both_lines(|sound| {
                    let mut scene = Scene::with(config(2), sound, script);
                    let mut first = true;
                    scene.model(move |prompt| {
                        if std::mem::take(&mut first) {
                            return breaks_off(said, end);
                        }
                        // a word that had not ended is said again
                        let given = prompt.messages.iter().rev().find_map(|message| match message {
                            Message::Assistant(reply) => Some(reply.text.split(' ').count()),
                            _ => None,
                        });
                        says(&of(ANSWER, given.unwrap_or_default().min(repeats)))
                    });
                    scene
                });
                let what = format!("{end:?} after {said}, from {repeats}:\n{story}");
                assert!(story.contains(&format!("1 is Complete, heard {ANSWER:?}\n")), "{what}");
                assert_eq!(story.matches("script: 1 is").count(), 1, "{what}");
                assert_eq!(story.matches("another attempt is made").count(), 1, "{what}");
                assert!(story.ends_with("ended: Script"), "{what}");
            }
        }
    }
}

#[test]
fn another_goes_on_with_the_next_words() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::with(config(2), sound, script);
        let mut first = true;
        scene.model(move |_| match std::mem::take(&mut first) {
            true => breaks_off(4, End::Fails(Cause::Denied)),
            false => says("to hear that."),
        });
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: 
    0.190 trouble: the model failed: denied: simulated; another attempt is made
    0.190 model is asked: agent "I am very sorry" | note "Your last answer was cut off; it stands above as far as it was said. Go on with exactly the next words. Do not repeat any of it, do not greet, do not explain."
    2.120 script: 1 is Complete, heard "I am very sorry to hear that."
    2.650 script: 2 is Complete, heard "Goodbye."
    2.650 agent hangs up
    2.650 script: Ended(Script)
    2.650 ended: Script
    "#);
}

#[test]
fn when_every_model_has_failed_the_script_is_told_once() {
    for models in 1..=3 {
        for end in ENDS {
            let story = on_both_lines(|sound| {
                let mut scene = Scene::with(config(models), sound, script);
                scene.model(move |_| breaks_off(0, end));
                scene
            });
            let passing = !matches!(end, End::Fails(cause) if !Failure::new(cause, "").is_passing());
            let asked = if models == 1 { 1 + u32::from(passing) } else { models };
            assert_eq!(
                story.matches("model is asked").count(),
                asked as usize,
                "{end:?}, {models}:\n{story}"
            );
            assert_eq!(story.matches(r#"script: 1 is Failed, heard """#).count(), 1, "{story}");
            assert!(story.ends_with("ended: Script"), "{story}");
        }
    }
}

#[test]
fn a_lone_model_whose_answer_is_being_heard_is_not_asked_again() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::with(config(1), sound, script);
        scene.model(|_| breaks_off(3, End::Fails(Cause::Busy)));
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: 
    0.170 trouble: the model failed: busy: simulated
    0.820 script: 1 is Failed, heard "I am very"
    1.350 script: 2 is Complete, heard "Goodbye."
    1.350 agent hangs up
    1.350 script: Ended(Script)
    1.350 ended: Script
    "#);
}

#[test]
fn a_tool_that_was_called_runs_once_and_the_next_model_knows_its_result() {
    for end in ENDS.into_iter().filter(|end| !matches!(end, End::Finishes)) {
        let story = on_both_lines(|sound| {
            let mut scene = Scene::with(config(2), sound, script);
            let mut asked = 0;
            scene.model(move |prompt| {
                asked += 1;
                match asked {
                    1 => {
                        let mut effects = says("Let me see.");
                        effects.pop();
                        effects.extend(calls("book", "{}"));
                        effects.pop();
                        effects.extend(breaks_off(0, end));
                        effects
                    }
                    _ => {
                        assert!(prompt.messages.iter().any(|m| matches!(m, Message::Tool(_))));
                        says("You have table four.")
                    }
                }
            });
            scene
        });
        assert_eq!(story.matches("1 calls book").count(), 1, "{end:?}:\n{story}");
        assert_eq!(story.matches("model is asked").count(), 2, "{end:?}:\n{story}");
        // whoever waits for a model that says no more is told to wait
        let said = story.replace(" One moment, please.", "");
        let whole = r#"1 is Complete, heard "Let me see. You have table four.""#;
        assert!(said.contains(whole), "{end:?}:\n{story}");
    }
}

#[test]
fn a_model_that_fails_before_its_tool_has_answered_is_replaced_when_it_has() {
    let story = on_both_lines(|sound| {
        let mut running = None;
        let mut scene = Scene::with(config(2), sound, move |event| match event {
            Event::ToolCall { call, .. } => {
                running = Some(call.id.clone());
                vec![Action::Timer { id: 50, after: ms(3_000) }]
            }
            Event::Timer(50) => {
                let id = running.take().unwrap();
                vec![Action::ToolResult(ToolResult { id, content: "table 4".into() })]
            }
            event => script(event),
        });
        let mut first = true;
        scene.model(move |_| {
            if !std::mem::take(&mut first) {
                return says("it done for you.");
            }
            let mut effects = calls("book", "{}");
            effects.pop();
            effects.extend([(20, Effect::Delta("I have ".into())), (20, Effect::Delta("i".into()))]);
            effects.extend(breaks_off(0, End::Fails(Cause::Denied)));
            effects
        });
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: 
    0.100 script: 1 calls book({}) as call00001
    0.170 trouble: the model failed: denied: simulated; another attempt is made
    3.100 script: Timer(50)
    3.100 model is asked: agent calls book | tool table 4 | agent "I have One moment, please." | note "Your last answer was cut off; it stands above as far as it was said. Go on with exactly the next words. Do not repeat any of it, do not greet, do not explain."
    4.270 script: 1 is Complete, heard "I have One moment, please. it done for you." of "I have it done for you."
    4.800 script: 2 is Complete, heard "Goodbye."
    4.800 agent hangs up
    4.800 script: Ended(Script)
    4.800 ended: Script
    "#);
}

#[test]
fn a_model_that_fails_with_the_results_is_replaced_and_no_tool_runs_again() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::with(config(3), sound, script);
        let mut asked = 0;
        scene.model(move |_| {
            asked += 1;
            match asked {
                1 => calls("book", "{}"),
                2 => breaks_off(0, End::Fails(Cause::Busy)),
                3 => breaks_off(2, End::Fails(Cause::Busy)),
                _ => says("very sorry."),
            }
        });
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: 
    0.100 script: 1 calls book({}) as call00001
    0.100 model is asked: agent calls book | tool table 4
    0.130 trouble: the model failed: busy: simulated; another attempt is made
    0.130 model is asked: agent calls book | tool table 4
    0.280 trouble: the model failed: busy: simulated; another attempt is made
    0.280 model is asked: agent calls book | tool table 4 | agent "I am" | note "Your last answer was cut off; it stands above as far as it was said. Go on with exactly the next words. Do not repeat any of it, do not greet, do not explain."
    1.410 script: 1 is Complete, heard "I am very sorry."
    1.940 script: 2 is Complete, heard "Goodbye."
    1.940 agent hangs up
    1.940 script: Ended(Script)
    1.940 ended: Script
    "#);
}

#[test]
fn an_answer_that_has_a_form_is_begun_anew() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::with(config(2), sound, |event| match event {
            Event::Started => {
                let schema = Some("{}".into());
                vec![Action::Ask(call::persona::Question { schema, aloud: None, ..question(1) })]
            }
            Event::Done(report) => {
                assert_eq!(
                    (report.ending, report.answer.as_str()),
                    (Ending::Complete, r#"{"soup": "cold"}"#)
                );
                vec![Action::HangUp]
            }
            _ => vec![],
        });
        let mut first = true;
        scene.model(move |_| match std::mem::take(&mut first) {
            true => vec![
                (100, Effect::Delta(r#"{"soup": "wa"#.into())),
                (20, Effect::Failed(Failure::new(Cause::Garbled, "simulated"))),
            ],
            false => says(r#"{"soup": "cold"}"#),
        });
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: 
    0.120 trouble: the model failed: garbled: simulated; another attempt is made
    0.120 model is asked: 
    0.240 script: 1 is Complete, heard "" of "{\"soup\": \"cold\"}"
    0.240 agent hangs up
    0.240 script: Ended(Script)
    0.240 ended: Script
    "#);
}

#[test]
fn a_silent_answer_is_gone_on_with() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::with(config(2), sound, |event| match event {
            Event::Started => {
                let context = Context::Messages(vec![Message::Caller("It was cold.".into())]);
                vec![Action::Ask(call::persona::Question { context, aloud: None, ..question(1) })]
            }
            Event::Done(_) => vec![Action::HangUp],
            _ => vec![],
        });
        let mut first = true;
        scene.model(move |_| match std::mem::take(&mut first) {
            true => breaks_off(4, End::SaysNoMore),
            false => says("I am very sorry to hear that."),
        });
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: caller "It was cold."
    8.160 model is cancelled
    8.160 trouble: the model said nothing more for 8 s; another attempt is made
    8.160 model is asked: caller "It was cold." | agent "I am very sorry" | note "Your last answer was cut off; it stands above as far as it was said. Go on with exactly the next words. Do not repeat any of it, do not greet, do not explain."
    8.380 script: 1 is Complete, heard "" of "I am very sorry to hear that."
    8.380 agent hangs up
    8.380 script: Ended(Script)
    8.380 ended: Script
    "#);
}

#[test]
fn a_spoken_answer_to_messages_of_the_scripts_own_is_gone_on_with() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::with(config(2), sound, |event| match event {
            Event::Started => {
                let context = Context::Messages(vec![Message::Caller("It was cold.".into())]);
                vec![Action::Ask(call::persona::Question { context, ..question(1) })]
            }
            event => script(event),
        });
        let mut first = true;
        scene.model(move |_| match std::mem::take(&mut first) {
            true => breaks_off(4, End::Fails(Cause::Unreachable)),
            false => says("to hear that."),
        });
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: caller "It was cold."
    0.190 trouble: the model failed: unreachable: simulated; another attempt is made
    0.190 model is asked: caller "It was cold." | agent "I am very sorry" | note "Your last answer was cut off; it stands above as far as it was said. Go on with exactly the next words. Do not repeat any of it, do not greet, do not explain."
    2.120 script: 1 is Complete, heard "I am very sorry to hear that."
    2.650 script: 2 is Complete, heard "Goodbye."
    2.650 agent hangs up
    2.650 script: Ended(Script)
    2.650 ended: Script
    "#);
}

/// Asks for every turn.
fn conversation(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![listen()],
        Event::Turn(_) => vec![ask(1)],
        _ => vec![listen()],
    }
}

#[test]
fn a_caller_who_cuts_in_on_the_second_attempt_ends_both() {
    let mut scene = Scene::with(config(2), true, conversation);
    let mut asked = 0;
    scene.model(move |_| {
        asked += 1;
        match asked {
            1 => breaks_off(8, End::Fails(Cause::Unreachable)),
            2 => says("will tell the cook about it, and bring you another one, if you like."),
            _ => says("Of course."),
        }
    });
    scene.caller_says(500, "My soup was cold.");
    scene.caller_says(4_500, "No, wait a moment please.");
    scene.caller_hangs_up(12_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     0.560 ~ script: the caller speaks
     1.620 script: turn 1: "My soup was cold."
     1.620 model is asked: caller "My soup was cold."
     1.890 trouble: the model failed: unreachable: simulated; another attempt is made
     1.890 model is asked: caller "My soup was cold." | agent "I am very sorry to hear that. I" | note "Your last answer was cut off; it stands above as far as it was said. Go on with exactly the next words. Do not repeat any of it, do not greet, do not explain."
     4.560 ~ clear
     4.560 ~ script: the caller speaks
     4.800 script: 1 is Interrupted, heard "I am very sorry to hear that. I will tell" of "I am very sorry to hear that. I will tell the cook about it, and bring you another one, if you like."
     6.100 script: turn 2: "No, wait a moment please."
     6.100 model is asked: caller "My soup was cold." | agent "I am very sorry to hear that. I will tell" | caller "No, wait a moment please."
     6.870 script: 1 is Complete, heard "Of course."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
}

#[test]
fn words_that_come_late_withdraw_the_attempt_that_is_being_made() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::with(config(2), sound, conversation);
        let mut asked = 0;
        scene.model(move |_| {
            asked += 1;
            match asked {
                1 => breaks_off(0, End::Fails(Cause::Busy)),
                2 => vec![],
                _ => says("A refund, of course."),
            }
        });
        scene.caller_says(500, "I would like");
        scene.caller_says(3_000, "a refund please.");
        scene.caller_hangs_up(8_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.320 script: turn 1: "I would like"
    1.320 model is asked: caller "I would like"
    1.350 trouble: the model failed: busy: simulated; another attempt is made
    1.350 model is asked: caller "I would like"
    3.040 ~ script: the caller speaks
    4.060 model is cancelled
    4.060 script: 1 is Interrupted, heard ""
    4.060 script: turn 1 again: "I would like a refund please."
    4.060 model is asked: caller "I would like a refund please."
    5.470 script: 1 is Complete, heard "A refund, of course."
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}

#[test]
fn a_model_may_fail_while_the_agent_waits_for_a_sound() {
    let mut scene = Scene::with(config(2), true, conversation);
    let mut first = true;
    scene.model(move |_| match std::mem::take(&mut first) {
        true => breaks_off(8, End::SaysNoMore),
        false => says("will tell the cook."),
    });
    scene.caller_says(500, "My soup was cold.");
    // while it is heard, until behind the deadline
    scene.caller_coughs(2_500, 10_000);
    scene.recogniser_says(9_000, "", true);
    scene.caller_hangs_up(20_000);
    let story = scene.play(60).story();
    assert!(story.contains("~ clear"), "{story}");
    assert!(story.contains(&format!("1 is Complete, heard {ANSWER:?}")), "{story}");
    assert_eq!(scene.failed_over, [Provider::Model]);
}

#[test]
fn a_model_may_fail_while_the_line_is_lost() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::with(config(2), sound, script);
        let mut first = true;
        scene.model(move |_| match std::mem::take(&mut first) {
            true => breaks_off(8, End::SaysNoMore),
            false => says("will tell the cook."),
        });
        scene.line_is_lost(1_005, 12_000);
        scene
    });
    assert!(story.contains(&format!("1 is Complete, heard {ANSWER:?}")), "{story}");
}

#[test]
fn the_first_token_of_a_turn_is_that_of_whoever_gave_one() {
    let mut scene = Scene::with(config(2), true, conversation);
    let mut first = true;
    scene.model(move |_| match std::mem::take(&mut first) {
        true => breaks_off(0, End::Fails(Cause::Busy)),
        false => says("Of course."),
    });
    scene.caller_says(500, "My soup was cold.");
    scene.caller_hangs_up(5_000);
    scene.play(60);
    let times = scene.times.first().unwrap();
    // 30 ms of the first, 100 of the second
    assert_eq!(times.first_token, times.closed.map(|closed| closed + ms(130)));
    assert!(times.first_frame > times.first_token);
}
