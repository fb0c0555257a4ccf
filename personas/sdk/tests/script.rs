//! Scripts, told what happens.

use persona::contract::{Action, CallForTool, Event, Field, Line, Recalled, Report, Speech, Utterance};
use persona::{
    Answerer, Call, Departure, Direction, Either, Ending, Habits, Heard, Opening, Script, ToolCall, Turn,
    first, tool,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

#[derive(Deserialize)]
struct Settings {
    house: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct State {
    greeted: bool,
    turns: u32,
}

fn opening() -> Opening {
    Opening {
        seed: 7,
        now: 1_000,
        timezone: "UTC".into(),
        language: "en-US".into(),
        call: "CA1".into(),
        direction: Direction::Inbound,
        caller: None,
        called: None,
        parameters: vec![],
        initial_message: None,
        answered_by: Answerer::Unknown,
        line: Line { hears_audio: true, speaks_audio: true, can_speak_unasked: true, can_send_digits: false },
        settings: r#"{"house":"the Fork"}"#.into(),
        handed: None,
    }
}

fn turn(number: u32, text: &str) -> Event {
    let said = Utterance { text: text.into(), confidence: 1.0, language: None };
    Event::Turn(Turn { number, revision: 0, said })
}

fn done(id: u32, ending: Ending, heard: &str) -> Event {
    Event::Done(Report { id, ending, heard: heard.into(), answer: heard.into() })
}

/// What the script does about one event, in short.
fn does(script: &Script, event: Event) -> Vec<String> {
    script.handle(2_000, vec![event]).iter().map(short).collect()
}

fn short(action: &Action) -> String {
    match action {
        Action::Say(Speech { id, text, .. }) => format!("{id}: say {text:?}"),
        Action::Ask(question) => format!("{}: ask with {} tools", question.id, question.tools.len()),
        Action::ToolResult(result) => format!("tool {}: {}", result.id, result.content),
        Action::Cancel(id) => format!("cancel {id}"),
        Action::Listen(_) => "listen".into(),
        Action::Keep(fields) => format!("keep {}={}", fields[0].name, fields[0].value),
        Action::Recall(recall) => format!("{}: who had {}={}?", recall.id, recall.field, recall.value),
        Action::Timer(timer) => format!("{}: timer {}", timer.id, timer.after),
        Action::SendDigits(digits) => format!("{}: press {}", digits.id, digits.digits),
        Action::Transfer(transfer) => format!("{}: transfer to {}", transfer.id, transfer.to),
        Action::HangUp => "hang up".into(),
        other => format!("{other:?}"),
    }
}

async fn complaint(call: Call, settings: Settings, mut state: State) {
    call.at_end(|call, departure| call.keep("departure", format!("{departure:?}")));
    if !state.greeted {
        call.say(format!("Thank you for calling {}.", settings.house)).await;
        state.greeted = true;
    }
    loop {
        let said = match call.hear(&state).await {
            Heard::Said(turn) => turn.said.text,
            Heard::Silence(_) => {
                call.say("Are you there?").await;
                continue;
            }
            Heard::Key(_) => continue,
        };
        state.turns += 1;
        if said.contains("bye") {
            break;
        }
        let waiter = call.clone();
        let find = tool("find", "Finds a table.", json!({ "type": "object" }));
        let asked = call.ask("Be kind.").tool(find, move |arguments| {
            let call = waiter.clone();
            async move {
                call.sleep(Duration::from_millis(50)).await;
                format!("table {}", arguments["seats"])
            }
        });
        asked.await;
    }
    let goodbye = call.say("Goodbye!");
    let objection = call.turn(&state);
    if let Either::B(turn) = first(goodbye, objection).await {
        call.keep("objected", turn.said.text);
    }
    call.hang_up();
}

#[test]
fn a_script_reads_like_the_conversation() {
    let script = Script::open(complaint, opening()).unwrap();
    assert_eq!(does(&script, Event::Started), [r#"1: say "Thank you for calling the Fork.""#]);
    assert_eq!(does(&script, done(1, Ending::Complete, "…")), ["listen"]);
    assert_eq!(does(&script, turn(1, "My soup was cold.")), ["2: ask with 1 tools"]);
    assert_eq!(does(&script, done(2, Ending::Complete, "I am sorry.")), ["listen"]);
    assert_eq!(does(&script, turn(2, "Goodbye.")), [r#"3: say "Goodbye!""#, "listen"]);
    assert_eq!(does(&script, done(3, Ending::Complete, "Goodbye!")), ["hang up"]);
    assert_eq!(does(&script, Event::Ended(Departure::Script)), [r#"keep departure="Departure::Script""#]);
}

#[test]
fn what_loses_a_race_is_cancelled() {
    let script = Script::open(complaint, opening()).unwrap();
    does(&script, Event::Started);
    does(&script, done(1, Ending::Complete, "…"));
    does(&script, turn(1, "Goodbye."));
    let objected = does(&script, turn(2, "No, wait!"));
    assert_eq!(objected, ["cancel 2", r#"keep objected="No, wait!""#, "hang up"]);
    assert_eq!(does(&script, done(2, Ending::Cancelled, "Good")), [""; 0], "nobody waits for it");
}

#[test]
fn silence_that_nobody_waits_for_is_forgotten() {
    let script = Script::open(complaint, opening()).unwrap();
    does(&script, Event::Started);
    assert_eq!(does(&script, Event::Silence(15_000)), [""; 0]);
    assert_eq!(does(&script, done(1, Ending::Complete, "…")), ["listen"]);
    assert_eq!(does(&script, Event::Silence(15_000)), [r#"2: say "Are you there?""#]);
}

/// Puts the caller through behind an extension, unless he changes his mind.
async fn switchboard(call: Call, _: Settings, state: State) {
    call.send_digits("42#").await;
    match first(call.transfer("desk", None), call.turn(&state)).await {
        Either::A(report) => call.keep("transfer", format!("{:?}", report.ending)),
        Either::B(turn) => call.keep("objected", turn.said.text),
    }
    call.hang_up();
}

#[test]
fn a_caller_is_put_through_or_changes_his_mind() {
    let script = Script::open(switchboard, opening()).unwrap();
    assert_eq!(does(&script, Event::Started), ["1: press 42#"]);
    assert_eq!(does(&script, done(1, Ending::Complete, "")), ["2: transfer to desk", "listen"]);
    let failed = does(&script, done(2, Ending::Failed, ""));
    assert_eq!(failed, [r#"keep transfer="Ending::Failed""#, "hang up"]);

    let script = Script::open(switchboard, opening()).unwrap();
    does(&script, Event::Started);
    does(&script, done(1, Ending::Complete, ""));
    let objected = does(&script, turn(1, "No, wait!"));
    assert_eq!(objected, ["cancel 2", r#"keep objected="No, wait!""#, "hang up"]);
}

/// Talks to whoever picks up, and leaves a message if that is a machine.
async fn reminder(call: Call, _: Settings, state: State) {
    let talks = async {
        call.say("Your table is ready.").await;
        call.turn(&state).await
    };
    if let Either::A(machine) = first(call.machine(), talks).await {
        call.keep("machine", format!("{machine:?}"));
        if let Some(turn) = call.leave_message("Your table was ready.").await {
            call.keep("person", turn.said.text);
        }
    }
    call.keep("answered_by", format!("{:?}", call.answered_by()));
    call.hang_up();
}

#[test]
fn what_a_machine_said_is_no_turn_and_who_speaks_after_the_message_is_a_person() {
    let script = Script::open(reminder, opening()).unwrap();
    does(&script, Event::Started);
    // it waits in the inbox until the greeting has been said
    assert_eq!(does(&script, turn(1, "Nobody is at home.")), [""; 0]);
    let machine = does(&script, Event::AnsweredBy(Answerer::MachineBeep));
    let kept = r#"keep machine="Answerer::MachineBeep""#;
    assert_eq!(machine, ["cancel 1", kept, r#"2: say "Your table was ready.""#]);
    assert_eq!(does(&script, done(2, Ending::Complete, "")), ["listen", "3: timer 10000"]);
    let answered = r#"keep answered_by="Answerer::Human""#;
    let person = ["cancel 3", r#"keep person="Hello?""#, answered, "hang up"];
    assert_eq!(does(&script, turn(2, "Hello?")), person);
}

#[test]
fn somebody_who_was_told_to_be_a_person_is_no_machine() {
    let opening = Opening { answered_by: Answerer::Human, ..opening() };
    let script = Script::open(reminder, opening).unwrap();
    assert_eq!(does(&script, Event::Started), [r#"1: say "Your table is ready.""#]);
    assert_eq!(does(&script, done(1, Ending::Complete, "")), ["listen"]);
    let answered = r#"keep answered_by="Answerer::Human""#;
    assert_eq!(does(&script, turn(1, "Yes.")), [answered, "hang up"]);
}

fn tool_call(question: u32, id: &str) -> Event {
    let call = ToolCall { id: id.into(), name: "find".into(), arguments: r#"{"seats":4}"#.into() };
    Event::ToolCall(CallForTool { question, call })
}

#[test]
fn a_tool_runs_on_when_the_caller_cuts_in_and_its_result_is_told() {
    let script = Script::open(complaint, opening()).unwrap();
    does(&script, Event::Started);
    does(&script, done(1, Ending::Complete, "…"));
    does(&script, turn(1, "A table."));
    assert_eq!(does(&script, tool_call(2, "call00001")), ["3: timer 50"]);
    assert_eq!(does(&script, done(2, Ending::Interrupted, "")), ["listen"]);
    assert_eq!(does(&script, Event::Timer(3)), ["tool call00001: table 4"]);
    assert_eq!(does(&script, turn(2, "Hello?")), ["4: ask with 1 tools"]);
}

#[test]
fn a_call_for_a_tool_that_is_not_there_is_answered() {
    let script = Script::open(complaint, opening()).unwrap();
    does(&script, Event::Started);
    does(&script, done(1, Ending::Complete, "…"));
    does(&script, turn(1, "A table."));
    let call = ToolCall { id: "call00001".into(), name: "cook".into(), arguments: "{}".into() };
    let cooks = Event::ToolCall(CallForTool { question: 2, call });
    assert_eq!(does(&script, cooks), [r#"tool call00001: there is no tool "cook""#]);
    let call = ToolCall { id: "call00002".into(), name: "find".into(), arguments: "{".into() };
    let broken = does(&script, Event::ToolCall(CallForTool { question: 2, call }));
    assert!(broken[0].starts_with("tool call00002: the arguments are not JSON"), "{broken:?}");
}

#[test]
fn a_turn_that_comes_again_replaces_the_one_that_was_not_taken() {
    let script = Script::open(complaint, opening()).unwrap();
    does(&script, Event::Started);
    does(&script, turn(1, "I would"));
    let Event::Turn(again) = turn(1, "I would like a table.") else { unreachable!() };
    does(&script, Event::Turn(Turn { revision: 1, ..again }));
    let asked = does(&script, done(1, Ending::Interrupted, ""));
    assert_eq!(asked, ["listen", "2: ask with 1 tools"]);
    assert_eq!(does(&script, done(2, Ending::Complete, "")), ["listen"], "and not a second time");
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let opening = Opening { settings: "{}".into(), ..opening() };
    let failure = Script::open(complaint, opening).err().unwrap();
    assert!(failure.message.contains("house"), "{}", failure.message);
}

/// The next version: says something else on silence, and is otherwise the same.
async fn newer(call: Call, settings: Settings, state: State) {
    complaint(call, settings, State { turns: state.turns + 100, ..state }).await;
}

/// Another version, which does something else.
async fn other(call: Call, _: Settings, state: State) {
    call.turn(&state).await;
    call.hang_up();
}

#[test]
fn a_call_goes_on_in_a_newer_version_in_the_middle_of_a_tool() {
    let script = Script::open(complaint, opening()).unwrap();
    assert_eq!(script.snapshot(), None, "no turn boundary yet");
    does(&script, Event::Started);
    does(&script, done(1, Ending::Complete, "…"));
    does(&script, turn(1, "A table."));
    does(&script, tool_call(2, "call00001"));
    let snapshot = script.snapshot().unwrap();

    let newer = Script::restore(newer, opening(), &snapshot).unwrap();
    assert_eq!(does(&newer, Event::Timer(3)), ["tool call00001: table 4"]);
    assert_eq!(does(&newer, done(2, Ending::Complete, "Yes.")), ["listen"]);
    assert_eq!(does(&newer, turn(2, "Hm.")), ["4: ask with 1 tools"]);

    let refused = Script::restore(other, opening(), &snapshot).err().unwrap();
    assert!(refused.message.contains("ask 2"), "{}", refused.message);
    assert!(Script::restore(complaint, opening(), "{}").is_err());
}

async fn remembers(call: Call, _: Settings, state: State) {
    let asked = call.recall("caller", "+15550100");
    match first(asked, call.turn(&state)).await {
        Either::A(Some(kept)) => call.keep("before", kept),
        Either::A(None) => call.keep("before", "nothing"),
        Either::B(_) => call.hang_up(),
    }
}

#[test]
fn what_was_kept_earlier_is_asked_for_and_taken_once() {
    let kept = |name: &str, value: &str| Field { name: name.into(), value: value.into() };
    let recalled = |fields| Event::Recalled(Recalled { id: 1, fields });
    let asked = r#"1: who had caller="+15550100"?"#;
    let script = Script::open(remembers, opening()).unwrap();
    assert_eq!(does(&script, Event::Started), [asked, "listen"]);
    let fields = Some(vec![kept("seats", "4"), kept("name", "\"Ann\""), kept("odd", "no JSON")]);
    assert_eq!(does(&script, recalled(fields)), [r#"keep before={"name":"Ann","odd":null,"seats":4}"#]);
    assert!(does(&script, recalled(None)).is_empty());
    let script = Script::open(remembers, opening()).unwrap();
    does(&script, Event::Started);
    assert_eq!(does(&script, recalled(None)), [r#"keep before="nothing""#]);
    let script = Script::open(remembers, opening()).unwrap();
    does(&script, Event::Started);
    assert_eq!(does(&script, turn(1, "Hello?")), ["cancel 1", "hang up"], "nobody waits for it any more");
}

#[test]
fn a_tool_that_runs_over_a_turn_boundary_runs_on_in_a_newer_version() {
    let script = Script::open(complaint, opening()).unwrap();
    does(&script, Event::Started);
    does(&script, done(1, Ending::Complete, "…"));
    does(&script, turn(1, "A table."));
    does(&script, tool_call(2, "call00001"));
    assert_eq!(does(&script, done(2, Ending::Interrupted, "")), ["listen"], "a boundary");
    assert_eq!(does(&script, turn(2, "Hello?")), ["4: ask with 1 tools"]);
    let newer = Script::restore(newer, opening(), &script.snapshot().unwrap()).unwrap();
    assert_eq!(does(&newer, Event::Timer(3)), ["tool call00001: table 4"]);
    assert_eq!(does(&newer, done(4, Ending::Complete, "Yes.")), ["listen"]);
    let after = Script::restore(complaint, opening(), &newer.snapshot().unwrap()).unwrap();
    assert_eq!(does(&after, turn(3, "Hm.")), ["5: ask with 1 tools"]);
}

/// Speaks German, slowly.
async fn foreigner(call: Call, _: Settings, state: State) {
    let habits = Habits {
        voice: Some("hans".into()),
        language: Some("de-DE".into()),
        keyterms: vec!["Pizza".into()],
        patience: Some(Duration::from_secs(9)),
    };
    call.habits(habits);
    call.say("Ja?").await;
    loop {
        call.turn(&state).await;
        call.ask("Be kind.").interrupted_by(persona::Interruption::Keys).await;
    }
}

#[test]
fn everything_is_said_and_listened_for_as_is_the_scripts_habit() {
    let script = Script::open(foreigner, opening()).unwrap();
    let said = script.handle(2_000, vec![Event::Started]);
    let Action::Say(Speech { manner, .. }) = &said[0] else { panic!("{said:?}") };
    assert_eq!((manner.voice.as_deref(), manner.language.as_deref()), (Some("hans"), Some("de-DE")));
    let listens = script.handle(2_000, vec![done(1, Ending::Complete, "Ja?")]);
    let Action::Listen(hint) = &listens[0] else { panic!("{listens:?}") };
    assert_eq!(
        (hint.keyterms.len(), hint.language.as_deref(), hint.patience),
        (1, Some("de-DE"), Some(9_000))
    );
    let asks = script.handle(2_000, vec![turn(1, "Pizza!")]);
    let Action::Ask(question) = &asks[0] else { panic!("{asks:?}") };
    assert_eq!(question.aloud.as_ref().unwrap().voice.as_deref(), Some("hans"));
    let listens = script.handle(2_000, vec![done(2, Ending::Complete, "Ja.")]);
    let Action::Listen(hint) = &listens[0] else { panic!("{listens:?}") };
    assert_eq!((hint.keyterms.len(), hint.patience), (0, Some(9_000)), "the recogniser is told once");
}
