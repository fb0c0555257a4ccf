//! What is found, what replaces what, and what is refused.

use crate::desk::*;
use components::manifest::{Kind, SECTION};
use components::{Artifact, Catalogue, EngineSettings, Host, LoadError};
use std::path::Path;

fn refused(wasm: &[u8], name: &str) -> String {
    let path = Path::new("/somewhere").join(name);
    Artifact::from_bytes(wasm.to_vec(), Some(path)).unwrap_err().to_string()
}

#[test]
fn the_shipped_components_are_found_and_say_what_they_are() {
    let catalogue = Catalogue::read(None).unwrap();
    let mut found: Vec<(Kind, &str)> = catalogue.manifests().map(|m| (m.kind, m.id.as_str())).collect();
    found.sort_unstable();
    let expected = [
        (Kind::Stt, "deepgram-stt"),
        (Kind::Stt, "openai-stt"),
        (Kind::Llm, "offline-llm"),
        (Kind::Llm, "openai-llm"),
        (Kind::Tts, "cartesia-tts"),
        (Kind::Tts, "flite-tts"),
        (Kind::Tts, "openai-tts"),
        (Kind::Persona, "claim-intake"),
        (Kind::Persona, "guest-relations"),
        (Kind::Persona, "prompted"),
    ];
    assert_eq!(found, expected);
    let catalogue = Catalogue::read(None).unwrap();
    for (kind, id) in expected {
        assert!(catalogue.load(host(), id, kind, &Desk::default()).is_ok(), "{id}");
    }
}

#[tokio::test]
async fn a_file_in_the_folder_replaces_a_shipped_component_by_its_id() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(guest("parrot-llm"), folder.path().join("any-name.wasm")).unwrap();
    std::fs::write(folder.path().join("README.txt"), "not a component").unwrap();
    let catalogue = Catalogue::read(Some(folder.path())).unwrap();
    let parrot = catalogue.load(host(), "openai-llm", Kind::Llm, &Desk::default()).unwrap();
    assert_eq!(parrot.artifact.manifest.version, "9.0.0");
    assert_eq!(text(&reply(&parrot, "CA1", "hello").await), "The parrot says hello");
}

#[test]
fn two_files_with_one_id_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.wasm", "b.wasm"] {
        std::fs::copy(guest("parrot-llm"), folder.path().join(name)).unwrap();
    }
    let problem = Catalogue::read(Some(folder.path())).unwrap_err().to_string();
    assert!(problem.contains("a.wasm and") && problem.contains("remove one"), "{problem}");
}

#[test]
fn what_is_no_component_is_refused_with_the_way_out() {
    assert!(refused(b"not wasm", "x.wasm").contains("/somewhere/x.wasm is not a WebAssembly component"));
    let core_module = b"\0asm\x01\0\0\0";
    assert!(refused(core_module, "x.wasm").contains("build it for wasm32-wasip2"));
    let empty_component = b"\0asm\x0d\0\x01\0";
    let problem = refused(empty_component, "x.wasm");
    assert!(problem.contains("holds no manifest") && problem.contains("/somewhere/x.toml"), "{problem}");
    let mut truncated = std::fs::read(guest("parrot-llm")).unwrap();
    truncated.truncate(5000);
    assert!(refused(&truncated, "x.wasm").contains("is not a WebAssembly component"));
    let missing = Catalogue::read(Some(Path::new("/nowhere"))).unwrap_err();
    assert!(matches!(missing, LoadError::Read { .. }), "{missing}");
}

/// A component that is nothing but a manifest.
fn claims(manifest: &str) -> Vec<u8> {
    let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
    let mut section = vec![SECTION.len() as u8];
    section.extend(SECTION.as_bytes());
    section.extend(manifest.as_bytes());
    wasm.push(0);
    let mut length = section.len();
    while length >= 0x80 {
        wasm.push((length & 0x7F) as u8 | 0x80);
        length >>= 7;
    }
    wasm.push(length as u8);
    wasm.extend(section);
    wasm
}

const MANIFEST: &str = "id = \"x-llm\"\nversion = \"1\"\nkind = \"llm\"\ncontract = \"0.1\"\n";

#[test]
fn a_component_that_does_not_fit_its_contract_is_refused() {
    let load = |manifest: &str| {
        let artifact = Artifact::from_bytes(claims(manifest), None)?;
        components::Generation::load(host(), artifact, None, &Desk::default()).map(|_| ())
    };
    let problem = load(MANIFEST).unwrap_err().to_string();
    assert!(problem.contains("does not fit the contract of a llm component"), "{problem}");
    let problem = load(&MANIFEST.replace("0.1", "0.9")).unwrap_err().to_string();
    assert!(problem.contains("built against the contract 0.9"), "{problem}");
    let problem = load(&MANIFEST.replace("kind", "knid")).unwrap_err().to_string();
    assert!(problem.contains("did you mean `kind`?"), "{problem}");
}

#[test]
fn a_component_of_another_kind_is_refused() {
    let catalogue = Catalogue::read(None).unwrap();
    let problem = |id, kind| catalogue.load(host(), id, kind, &Desk::default()).err().unwrap().to_string();
    let kind = problem("flite-tts", Kind::Llm);
    assert_eq!(kind, "flite-tts is a tts component, and a llm component is needed there");
    let unknown = problem("open-llm", Kind::Llm);
    assert!(unknown.contains("did you mean \"openai-llm\"?") && unknown.contains("offline-llm"), "{unknown}");
    // the manifest may lie about it
    let lies = claims(&MANIFEST.replace("llm\"", "tts\""));
    let artifact = Artifact::from_bytes(lies, None).unwrap();
    assert!(components::Generation::load(host(), artifact, None, &Desk::default()).is_err());
}

#[test]
fn a_manifest_may_stand_beside_a_component_that_holds_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wasm");
    std::fs::write(&path, b"\0asm\x0d\0\x01\0").unwrap();
    std::fs::write(path.with_extension("toml"), MANIFEST).unwrap();
    let artifact = Artifact::from_bytes(std::fs::read(&path).unwrap(), Some(path)).unwrap();
    assert_eq!(artifact.manifest.id, "x-llm");
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_compiles_lets_calls_go_first() {
    let priority = |_: rayon::BroadcastContext<'_>| rustix::process::getpriority_process(None).unwrap();
    Host::new(&EngineSettings { sessions: 4, cache: None }).unwrap();
    let compiling = rayon::broadcast(priority);
    let own = rustix::process::getpriority_process(None).unwrap();
    assert!(compiling.iter().all(|priority| *priority == (own + 10).min(19)), "{compiling:?}");
}
