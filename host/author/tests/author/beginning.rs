//! From `new` to a conversation, and to a provider that passes its tests.

use crate::desk::{folder, host, new, open};
use author::looking::{self, Finding};
use author::talks;
use components::manifest::Kind;
use std::path::Path;

/// What is not as it should be.
fn wrong(path: &Path) -> Vec<Finding> {
    looking::check(host(), path).into_iter().filter(|finding| !finding.good).collect()
}

#[test]
fn a_persona_builds_and_passes_its_own_talks_as_it_is_generated() {
    let folder = folder();
    let made = new(Kind::Persona, "front-desk", folder.path());
    assert!(made.files.contains(&"src/lib.rs".to_owned()), "{:?}", made.files);
    let project = open(&made.root);
    let built = author::build(&project).unwrap();
    assert_eq!(built.path, made.root.join("build/front-desk.wasm"));
    assert_eq!(wrong(&built.path), []);
    let told = author::test(host(), &project, &built, false).unwrap();
    assert_eq!(told.len(), 2);
    told.iter().for_each(|told| assert!(told.is_good(), "{told}"));

    // the author changes his mind about what it says
    let talk = made.root.join("tests/greeting.talk");
    let right = std::fs::read_to_string(&talk).unwrap();
    std::fs::write(&talk, right.replace("Breakfast is from seven to ten.\ncaller", "No idea.\ncaller"))
        .unwrap();
    let told = talks::tell(host(), &built.artifact, &talk, false).unwrap();
    assert!(!told.is_good());
    let shown = told.to_string();
    assert!(shown.contains("   7 - agent: No idea.\n     + agent: Breakfast is from seven"), "{shown}");
    let told = talks::tell(host(), &built.artifact, &talk, true).unwrap();
    assert!(told.is_good() && told.to_string().starts_with("blessed"), "{told}");
    assert_eq!(std::fs::read_to_string(&talk).unwrap(), right);

    let shown = looking::inspect(&built.path).unwrap();
    for part in ["front-desk 0.1.0", "exports    cordboard:component/persona@", "greeting: a text", "keeps"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

/// Made, built, checked and tested, as it is generated; where its component is.
fn provider(kind: Kind, name: &str, folder: &Path) -> std::path::PathBuf {
    let project = open(&new(kind, name, folder).root);
    let built = author::build(&project).unwrap();
    assert_eq!(wrong(&built.path), []);
    assert!(author::test(host(), &project, &built, false).unwrap().is_empty());
    built.path
}

#[test]
fn a_model_builds_and_passes_its_own_tests_as_it_is_generated() {
    let folder = folder();
    let path = provider(Kind::Llm, "my-model", folder.path());
    let all: Vec<String> = looking::check(host(), &path).iter().map(ToString::to_string).collect();
    let asks = all.iter().find(|line| line.contains("asks:")).unwrap();
    for part in [
        "[component.my-model.grant]",
        "egress = [\"http://127.0.0.1:11434/v1/chat/completions\"]",
        "MY_LLM_KEY",
    ] {
        assert!(asks.contains(part), "{asks}");
    }

    // the same, as something else: its manifest has a wrong kind
    let mut wasm = std::fs::read(&path).unwrap();
    let kind = b"kind = \"llm\"";
    let places: Vec<usize> = (0..wasm.len()).filter(|at| wasm[*at..].starts_with(kind)).collect();
    places.iter().for_each(|at| wasm[*at..*at + kind.len()].copy_from_slice(b"kind = \"stt\""));
    let renamed = folder.path().join("other.wasm");
    std::fs::write(&renamed, wasm).unwrap();
    let wrong = wrong(&renamed);
    assert!(wrong[0].what.contains("does not fit the contract of a stt component"), "{wrong:#?}");
    assert!(wrong[0].advice.contains("the kind in the manifest"), "{wrong:#?}");
    let built = looking::read(&path).unwrap().0;
    let refused = talks::tell(host(), &built, &path, false).unwrap_err();
    assert!(refused.to_string().contains("only conversations of personas"), "{refused}");
}

#[test]
fn a_recogniser_builds_and_passes_its_own_tests_as_it_is_generated() {
    provider(Kind::Stt, "my-ear", folder().path());
}

#[test]
fn a_voice_builds_and_passes_its_own_tests_as_it_is_generated() {
    provider(Kind::Tts, "my-voice", folder().path());
}
