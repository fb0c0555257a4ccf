//! Calls that are written down and done again: the same to the last effect, or different where the
//! component is.

use crate::desk::*;
use call::line::UtteranceId;
use call::persona::{Departure, Ending, Event, Report, Turn, Utterance};
use call::{Moment, llm, tts};
use components::journal::{Cast, Ending as Ended, Journal, Kept, ReadError, ReplayError, Replayed, Sink};
use components::manifest::Kind;
use components::{Artifact, Catalogue, Generation, PersonaSession, Scene, Speaking, Surroundings};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// A journal that is kept in memory.
#[derive(Clone, Default)]
struct Shelf {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// none: as many as there are
    pieces: Arc<Mutex<Option<usize>>>,
}

impl Sink for Shelf {
    fn take(&self, piece: Vec<u8>) -> bool {
        if let Some(left) = &mut *self.pieces.lock().unwrap() {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                // there is room again for the end
                None => {
                    *left = 1;
                    return false;
                }
            }
        }
        self.bytes.lock().unwrap().extend(piece);
        true
    }
}

impl Shelf {
    fn surroundings(&self) -> Surroundings {
        let (arrivals, _) = mpsc::channel(64);
        let journal = Journal::new(self.clone());
        Surroundings::new("CA-journal", 1_800_000_000_000, 42, arrivals).journaled(Some(journal))
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }
}

fn at(milliseconds: u64) -> Moment {
    Moment::since_start(Duration::from_millis(milliseconds))
}

fn scene() -> Scene {
    let caller = Some("+15555550100".into());
    Scene { seed: 7, call: "CA-journal".into(), caller, ..Scene::with_nobody() }
}

fn said(text: &str) -> Event {
    let said = Utterance { text: text.into(), confidence: 1.0, language: None };
    Event::Turn(Turn { number: 1, revision: 0, said })
}

fn done(id: u32, heard: &str) -> Event {
    Event::Done(Report { id, ending: Ending::Complete, heard: heard.into(), answer: heard.into() })
}

fn persona(generation: &Arc<Generation>, surroundings: &Surroundings) -> PersonaSession {
    generation.open_persona(surroundings, at(0), &scene()).unwrap().unwrap()
}

/// What a replay of it comes to, and the conversation.
fn replayed(bytes: &[u8], catalogue: &Catalogue, with: Option<Artifact>) -> (Replayed, Vec<String>) {
    let kept = Kept::read(bytes).unwrap();
    let mut lines = Vec::new();
    let cast = Cast::new(&kept, catalogue, with).unwrap();
    let replayed =
        cast.replay(host(), &mut |line| lines.push(format!("{} {}: {}", line.at, line.who, line.text)));
    (replayed.unwrap(), lines)
}

/// A guest, and the caller who complains to it.
fn a_call() -> Vec<u8> {
    let shelf = Shelf::default();
    let surroundings = shelf.surroundings();
    let guests = shipped("guest-relations", Kind::Persona, &Desk::default());
    let mut persona = persona(&guests, &surroundings);
    let greeting = persona.handle(at(20), Event::Started).unwrap();
    let greets = greeting.iter().find_map(|action| match action {
        call::persona::Action::Say { id, .. } => Some(*id),
        _ => None,
    });
    persona.handle(at(1_900), done(greets.unwrap(), "Welcome!")).unwrap();
    persona.snapshot(at(1_900)).unwrap();
    persona.handle(at(4_020), said("My soup was cold.")).unwrap();
    let model = shipped("offline-llm", Kind::Llm, &Desk::default());
    let (mut reply, _) = model.open_llm(&surroundings, at(4_020)).unwrap();
    let mut effects = reply.handle(at(4_020), llm::Event::Generate(prompt("My soup was cold.")));
    let mut now = 4_020;
    while !is_over(&effects) {
        now = u64::try_from(reply.next_timeout().elapsed().as_millis()).unwrap().max(now);
        effects.extend(reply.timeout(at(now)));
    }
    drop(reply);
    let voice = shipped("flite-tts", Kind::Tts, &Desk::default());
    let (mut voice, _) = voice.open_tts(&surroundings, at(4_100), Speaking::default()).unwrap();
    let utterance = UtteranceId(1);
    voice.handle(at(4_100), tts::Event::Begin { utterance, voice: None, language: None });
    let text = "I am sorry.".into();
    let spoken = voice.handle(at(4_100), tts::Event::Speak { utterance, text, last: true });
    assert!(spoken.iter().any(|effect| matches!(effect, tts::Effect::Audio { .. })), "{spoken:?}");
    persona.handle(at(9_000), Event::Ended(Departure::Caller)).unwrap();
    drop((persona, voice, surroundings));
    shelf.bytes()
}

#[test]
fn a_call_that_is_done_again_is_the_same_to_the_last_effect() {
    let bytes = a_call();
    let kept = Kept::read(&bytes).unwrap();
    assert_eq!((kept.call(), kept.began(), kept.lasted()), ("CA-journal", 1_800_000_000_000, 9_000));
    assert_eq!(kept.ending, Ended::Whole);
    let ids: Vec<&str> = kept.components().iter().map(|took| took.id).collect();
    assert_eq!(ids, ["offline-llm", "flite-tts", "guest-relations"]);
    let catalogue = Catalogue::read(None).unwrap();
    let (first, conversation) = replayed(&bytes, &catalogue, None);
    assert!(first.divergence.is_none(), "{first:?}");
    assert_eq!((first.sessions, first.not_compared), (3, 0));
    assert!(first.events >= 7 && first.effects >= 7, "{first:?}");
    for line in ["1900 agent: Welcome!", "4020 caller: My soup was cold.", "9000 end: the caller hung up"] {
        assert!(conversation.iter().any(|heard| heard == line), "{line} in {conversation:?}");
    }
    assert_eq!(replayed(&bytes, &catalogue, None).1, conversation);
}

#[test]
fn another_build_diverges_at_the_first_event_that_it_answers_otherwise() {
    let shelf = Shelf::default();
    let surroundings = shelf.surroundings();
    let parrot = stranger("parrot-llm", &Desk::default());
    for (moment, said) in [(1_000, ""), (2_000, "hello")] {
        let (mut reply, _) = parrot.open_llm(&surroundings, at(moment)).unwrap();
        reply.handle(at(moment + 500), llm::Event::Generate(prompt(said)));
    }
    drop(surroundings);
    let bytes = shelf.bytes();
    // the one that ships under the same id asks a server
    let catalogue = Catalogue::read(None).unwrap();
    let (replayed_by_shipped, _) = replayed(&bytes, &catalogue, None);
    let divergence = replayed_by_shipped.divergence.unwrap();
    assert_eq!((divergence.at, divergence.kind, divergence.session), (1_500, Kind::Llm, 1));
    assert_eq!((divergence.id.as_str(), divergence.same), ("openai-llm", 0));
    assert!(divergence.told[0].starts_with("generate"), "{divergence:?}");
    assert!(divergence.then[0].contains("delta \"The parrot says"), "{divergence:?}");
    assert!(divergence.now[0].contains("net"), "{divergence:?}");
    // and the same build is the same, wherever it comes from
    let path = guest("parrot-llm");
    let with = || Artifact::from_bytes(std::fs::read(&path).unwrap(), Some(path.clone())).unwrap();
    let (same, _) = replayed(&bytes, &catalogue, Some(with()));
    assert!(same.divergence.is_none() && same.sessions == 2, "{same:?}");
    // one that has no part in the call is a mistake
    let other = a_call();
    let kept = Kept::read(&other).unwrap();
    let problem = Cast::new(&kept, &catalogue, Some(with())).err().unwrap().to_string();
    assert!(
        problem.contains("openai-llm, which has no part") && problem.contains("offline-llm (llm)"),
        "{problem}"
    );
}

#[test]
fn what_was_torn_off_is_missing_and_the_rest_is_replayed() {
    let bytes = a_call();
    let catalogue = Catalogue::read(None).unwrap();
    for cut in [bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
        let torn = &bytes[..cut];
        assert!(matches!(Kept::read(torn).unwrap().ending, Ended::Torn(left) if left > 0));
        let (rest, _) = replayed(torn, &catalogue, None);
        assert!(rest.divergence.is_none() && rest.sessions > 0, "{rest:?}");
    }
    // after a power cut a file may end in zeros
    let zeros = [&bytes[..], &[0; 4096]].concat();
    assert_eq!(Kept::read(&zeros).unwrap().ending, Ended::Torn(4096));
    assert_eq!(Kept::read(b"RIFF").unwrap_err(), ReadError::NoJournal);
    assert_eq!(Kept::read(b"cordboard\x63").unwrap_err(), ReadError::Version(0x63));
    assert_eq!(Kept::read(&bytes[..12]).unwrap_err(), ReadError::Empty);
}

#[test]
fn a_journal_that_cannot_be_written_any_more_says_so_and_holds_up_nothing() {
    let shelf = Shelf::default();
    *shelf.pieces.lock().unwrap() = Some(4);
    let surroundings = shelf.surroundings();
    let parrot = stranger("parrot-llm", &Desk::default());
    for _ in 0..5 {
        let (mut reply, _) = parrot.open_llm(&surroundings, at(0)).unwrap();
        let effects = reply.handle(at(10), llm::Event::Generate(prompt("hello")));
        assert_eq!(text(&effects), "The parrot says hello");
    }
    drop(surroundings);
    let bytes = shelf.bytes();
    assert_eq!(Kept::read(&bytes).unwrap().ending, Ended::Incomplete);
    let path = guest("parrot-llm");
    let with = Artifact::from_bytes(std::fs::read(&path).unwrap(), Some(path)).unwrap();
    let (rest, _) = replayed(&bytes, &Catalogue::read(None).unwrap(), Some(with));
    assert!(rest.divergence.is_none() && rest.sessions == 1, "{rest:?}");
}

fn folder_with(package: &str) -> (tempfile::TempDir, Catalogue) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(guest(package), folder.path().join("guest.wasm")).unwrap();
    let catalogue = Catalogue::read(Some(folder.path())).unwrap();
    (folder, catalogue)
}

#[test]
fn a_persona_that_broke_breaks_again_and_goes_on_again_from_its_snapshot() {
    let shelf = Shelf::default();
    let surroundings = shelf.surroundings();
    let desk = Desk::default().entry("hostile-persona", "settings = { mode = \"trap-at-key\" }");
    let hostile = stranger("hostile-persona", &desk);
    let mut persona = persona(&hostile, &surroundings);
    persona.handle(at(10), Event::Started).unwrap();
    persona.handle(at(900), done(1, "Hello from the hostile persona.")).unwrap();
    let snapshot = persona.snapshot(at(900)).unwrap().expect("it has greeted");
    assert!(persona.handle(at(1_000), Event::Key('1')).is_err());
    drop(persona);
    let mut restored =
        hostile.restore_persona(&surroundings, at(1_001), &scene(), &snapshot).unwrap().unwrap();
    restored.handle(at(2_000), said("hello")).unwrap();
    drop((restored, surroundings));
    let (folder, catalogue) = folder_with("hostile-persona");
    let (again, conversation) = replayed(&shelf.bytes(), &catalogue, None);
    assert!(again.divergence.is_none() && again.sessions == 2, "{again:?}");
    let broke = conversation.iter().position(|line| line.contains("1000 host: the persona broke"));
    let went_on = conversation.iter().position(|line| line.contains("1001 host: hostile-persona goes on"));
    assert!(broke.unwrap() < went_on.unwrap(), "{conversation:?}");
    // without it nobody can play the part
    drop(folder);
    let bytes = shelf.bytes();
    let kept = Kept::read(&bytes).unwrap();
    let missing = Cast::new(&kept, &Catalogue::read(None).unwrap(), None).err().unwrap();
    assert!(matches!(missing, ReplayError::Missing { .. }), "{missing}");
}

#[test]
fn one_that_the_host_had_no_more_time_for_is_not_compared() {
    let shelf = Shelf::default();
    let surroundings = shelf.surroundings();
    let desk = Desk::default().entry("hostile-llm", "settings = { mode = \"loop\" }");
    let hostile = stranger("hostile-llm", &desk);
    let (mut reply, _) = hostile.open_llm(&surroundings, at(0)).unwrap();
    let effects = reply.handle(at(10), llm::Event::Generate(prompt("hello")));
    assert!(failure(&effects).unwrap().contains("computed for more than"), "{effects:?}");
    drop((reply, surroundings));
    let (_folder, catalogue) = folder_with("hostile-llm");
    let (again, _) = replayed(&shelf.bytes(), &catalogue, None);
    assert!(again.divergence.is_none(), "{again:?}");
    assert_eq!((again.sessions, again.not_compared), (1, 1));
}
