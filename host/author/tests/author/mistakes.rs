//! What goes wrong in the first hour, and what is said about it.

use crate::desk::{folder, host, new, open};
use author::{BuildError, Language, MakeError, New, Project, looking, making, talks};
use components::manifest::Kind;
use std::path::Path;

fn refused(kind: Kind, language: Language, name: &str, into: &Path) -> String {
    author::make(&New { kind, language, name, into }).unwrap_err().to_string()
}

#[test]
fn a_folder_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("front-desk")).unwrap();
    let said = refused(Kind::Persona, Language::Rust, "front-desk", folder.path());
    assert!(said.contains("is there already") && said.contains("--into"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path().join("front-desk")).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_made_comes_with_what_can() {
    let folder = tempfile::tempdir().unwrap();
    let said = refused(Kind::Persona, Language::Rust, "FrontDesk", folder.path());
    assert!(said.contains("cordboard new persona front-desk"), "{said}");
    let said = refused(Kind::Persona, Language::Rust, "claim-intake", folder.path());
    assert!(said.contains("ships with Cordboard") && said.contains("my-claim-intake"), "{said}");
    let said = refused(Kind::Stt, Language::Python, "my-ear", folder.path());
    assert!(said.contains("no template for stt in Python") && said.contains("--lang rust"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    let kind = making::kind("persnoa").unwrap_err();
    assert!(matches!(&kind, MakeError::Kind(..)) && kind.to_string().contains("\"persona\"?"), "{kind}");
    let language = making::language("pyhton").unwrap_err().to_string();
    assert!(language.contains("\"python\"?"), "{language}");
}

#[test]
fn a_folder_that_is_no_project_is_told_how_to_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let none = Project::open(folder.path()).unwrap_err().to_string();
    assert!(none.contains("cordboard new persona NAME"), "{none}");
    std::fs::write(folder.path().join("persona.toml"), "id = \"x\"\nknid = \"persona\"\n").unwrap();
    let typo = Project::open(folder.path()).unwrap_err().to_string();
    assert!(typo.contains("persona.toml") && typo.contains("did you mean `kind`?"), "{typo}");
    let manifest = "id = \"x\"\nversion = \"1\"\nkind = \"persona\"\ncontract = \"0.1\"\n";
    std::fs::write(folder.path().join("persona.toml"), manifest).unwrap();
    let bare = Project::open(folder.path()).unwrap_err().to_string();
    assert!(bare.contains("Cargo.toml makes it Rust"), "{bare}");
}

#[test]
fn a_source_that_does_not_compile_is_told_in_the_words_of_the_compiler() {
    let folder = folder();
    let made = new(Kind::Persona, "broken-desk", folder.path());
    // nothing of the SDK is needed to see that
    std::fs::write(
        made.root.join("Cargo.toml"),
        "[package]\nname = \"broken-desk\"\nedition = \"2024\"\n[workspace]\n",
    )
    .unwrap();
    std::fs::remove_file(made.root.join("Cargo.lock")).unwrap();
    std::fs::write(made.root.join("src/lib.rs"), "fn talk() { call.say() }").unwrap();
    match author::build(&open(&made.root)).unwrap_err() {
        // where somebody watches, it was shown
        BuildError::Refused { said, .. } => {
            assert!(said.is_empty() || said.contains("cannot find"), "{said}")
        }
        other => panic!("{other}"),
    }
    // it compiles, and is no component
    std::fs::write(made.root.join("src/lib.rs"), "").unwrap();
    let nothing = author::build(&open(&made.root)).unwrap_err().to_string();
    assert!(nothing.contains("crate-type = [\"cdylib\""), "{nothing}");
}

#[test]
fn a_file_that_is_no_component_is_told_what_it_is_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, bytes: Option<&[u8]>| {
        let path = folder.path().join(name);
        if let Some(bytes) = bytes {
            std::fs::write(&path, bytes).unwrap();
        }
        let findings = looking::check(host(), &path);
        assert_eq!(findings.iter().filter(|finding| !finding.good).count(), 1, "{findings:#?}");
        findings[0].to_string()
    };
    let none = check("none.wasm", None);
    assert!(none.contains("cannot be read") && none.contains("cordboard build"), "{none}");
    let text = check("text.wasm", Some(b"hello"));
    assert!(text.contains("is not a WebAssembly component"), "{text}");
    let module = check("module.wasm", Some(b"\0asm\x01\0\0\0"));
    assert!(module.contains("core module") && module.contains("cordboard build"), "{module}");
    let bare = check("bare.wasm", Some(b"\0asm\x0d\0\x01\0"));
    assert!(bare.contains("holds no manifest"), "{bare}");
}

#[test]
fn a_project_without_a_talk_is_told_to_write_one() {
    let folder = tempfile::tempdir().unwrap();
    let none = talks::find(&folder.path().join("tests")).unwrap_err().to_string();
    assert!(none.contains("greeting.talk") && none.contains("`caller: Hello!`"), "{none}");
}
