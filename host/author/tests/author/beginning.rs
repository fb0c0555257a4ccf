//! From `new` to a conversation.

use crate::desk::{folder, host, new, open};
use author::talks;
use components::manifest::Kind;

#[test]
fn a_persona_builds_and_passes_its_own_talks_as_it_is_generated() {
    let folder = folder();
    let made = new(Kind::Persona, "front-desk", folder.path());
    assert!(made.files.contains(&"src/lib.rs".to_owned()), "{:?}", made.files);
    let project = open(&made.root);
    let built = author::build(&project).unwrap();
    assert_eq!(built.path, made.root.join("build/front-desk.wasm"));
    for talk in talks::find(&made.root.join("tests")).unwrap() {
        let told = talks::tell(host(), &built.artifact, &talk, false).unwrap();
        assert!(told.is_good(), "{told}");
    }
}
