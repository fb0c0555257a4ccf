//! Personas in Python and JavaScript, built with the tools of their languages. Where these are not on the PATH
//! there is nothing to see, but in the continuous integration.

use crate::desk::{folder, host, open};
use author::{BuildError, Language, New, looking, talks};
use components::manifest::Kind;
use std::path::Path;
use std::process::Command;

fn is_there(tool: &str) -> bool {
    let there = Command::new(tool).arg("--help").output().is_ok_and(|output| output.status.success());
    assert!(there || std::env::var_os("CORDBOARD_CI").is_none(), "{tool} is not on the PATH");
    there
}

fn new(language: Language, into: &Path) -> author::Made {
    author::make(&New { kind: Kind::Persona, language, name: "front-desk", into }).unwrap()
}

/// It is built, fits its limits, and its talks go as they say.
fn builds(language: Language, tool: &str) {
    if !is_there(tool) {
        return;
    }
    let folder = folder();
    let made = new(language, folder.path());
    let project = open(&made.root);
    assert_eq!(project.language, language);
    let built = author::build(&project).unwrap();
    for finding in looking::check(host(), &built.path) {
        assert!(finding.good, "{finding}");
    }
    let mut found = talks::find(&made.root.join("tests")).unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    found.push(made.root.join("key.talk"));
    // beyond ASCII, and with a key
    std::fs::write(&found[2], KEY).unwrap();
    for talk in found {
        let told = talks::tell(host(), &built.artifact, &talk, false).unwrap();
        assert!(told.is_good(), "{told}");
    }
}

const KEY: &str = r#"agent: Hello, this is Front desk. How can I help you?
caller presses 5
caller: Übermorgen, 2 Zimmer?
kept questions = ["Übermorgen, 2 Zimmer?"]
model: Gern.
agent: Gern.
caller hangs up
kept ended_by = "caller"
"#;

#[test]
fn a_persona_in_python_builds_and_passes_its_own_talks_as_it_is_generated() {
    builds(Language::Python, "componentize-py");
}

#[test]
fn a_persona_in_javascript_builds_and_passes_its_own_talks_as_it_is_generated() {
    builds(Language::JavaScript, "componentize-qjs");
}

#[test]
fn a_provider_in_python_is_not_promised() {
    let folder = folder();
    let made = new(Language::Python, folder.path());
    let manifest = made.root.join("persona.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let (text, _) = text.split_once("# What it keeps").unwrap();
    std::fs::write(&manifest, text.replace("\"persona\"", "\"llm\"")).unwrap();
    let error = author::build(&open(&made.root)).unwrap_err();
    assert!(matches!(error, BuildError::Language { .. }), "{error}");
    assert!(error.to_string().contains("only personas can"), "{error}");
}
