//! What a component says of itself, and what the operator says about it. Nothing is executed.

use super::{fuzz, gist};
use ::components::grant::{Entry, Grant, Operator};
use ::components::journal::{Ending, Kept};
use ::components::manifest::{CEILING, CONTRACT, Kind, Manifest, ManifestError};
use ::components::{Artifact, LoadError};
use fuzz::{Limits, Target};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

const WORDS: &[&str] = &[
    "id = \"",
    "kind = \"llm\"",
    "kind = \"persona\"",
    "contract = \"0.1\"",
    "[settings.x]",
    "[[egress]]",
    "[[secrets]]",
    "[limits]",
    "[audio]",
    "type = \"url\"",
    "[fields.x]",
    "type = \"decimal\"",
    "type = \"choice\"",
    "choices = [",
    "any_fields = true",
    "type = \"integer\"",
    "default = ",
    "env = \"",
    "needed = true",
    "{base_url}",
    "{x}",
    "{}",
    "format = \"Bearer {}\"",
    "header = \"host\"",
    "https://",
    "wss://",
    "inf",
    "nan",
    "1979-05-27T07:32:00Z",
    "'''",
    "\"\"\"",
    "encoding = \"pcm16\"",
    "rate = 48000",
    "memory_mb = 4294967295",
    "\"a.b\" = ",
    "x = [",
    "x = {",
];

#[test]
fn a_manifest_of_anything_is_read_or_refused_with_a_word() {
    // a tree of TOML is larger than its text
    let limits = Limits { memory_per_byte: 512, ..Limits::default() };
    fuzz(&Target::new("manifest").dictionary(WORDS).limits(limits), |input| {
        let text = String::from_utf8_lossy(input);
        let manifest = Manifest::parse(&text);
        if let Ok(manifest) = &manifest {
            keeps_its_promises(manifest);
        }
        [manifest
            .map(|manifest| (manifest.kind, manifest.settings.len().min(3), manifest.audio.is_telephone()))
            .map_err(|e| {
                let said = e.to_string();
                assert!(said.len() <= 4 * text.len() + 1000, "{} bytes about {}", said.len(), text.len());
                match e {
                    ManifestError::Toml(said) => gist(said),
                    other => format!("{:?}", discriminant(&other)),
                }
            })]
    });
}

fn keeps_its_promises(manifest: &Manifest) {
    assert!(!manifest.id.is_empty() && manifest.id.len() <= 64);
    assert!(!manifest.id.contains(|c: char| c != '-' && !c.is_ascii_digit() && !c.is_ascii_lowercase()));
    assert!(manifest.contract.starts_with(CONTRACT));
    assert!(
        (8_000..=48_000).contains(&manifest.audio.rate)
            && manifest.audio.rate().hertz() == manifest.audio.rate
    );
    assert_eq!(manifest.limits.at_most(CEILING).at_least(CEILING), CEILING);
}

/// Bytes of a `.wasm` file.
#[test]
fn a_file_of_anything_is_a_component_with_a_manifest_or_refused() {
    let dictionary = &["\0asm", "\x0d\0\x01\0", "\x01\0\0\0", "cordboard:manifest", "\0\x13\x12"];
    let limits = Limits { memory_per_byte: 512, ..Limits::default() };
    fuzz(&Target::new("component").dictionary(dictionary).dictionary(WORDS).limits(limits), |input| {
        let artifact = Artifact::from_bytes(input.to_vec(), None);
        if let Ok(artifact) = &artifact {
            keeps_its_promises(&artifact.manifest);
            assert!(artifact.hash.len() == 12 && artifact.path.is_none());
        }
        [artifact.map(|artifact| artifact.manifest.kind).map_err(|e| match e {
            LoadError::NotAComponent { reason, .. } => format!("no component: {}", gist(reason)),
            LoadError::Manifest { source, .. } => format!("{:?}", discriminant(&source)),
            other => format!("{:?}", discriminant(&other)),
        })]
    });
}

/// Bytes of a `.journal` file. What is told to a component is not looked into here.
#[test]
fn a_journal_of_anything_is_read_up_to_its_last_whole_record_or_refused() {
    let dictionary = &["cordboard\x01", "\x02\0\0\0\x05\x01", "\x02\0\0\0\x04\x01", "\0\0\0\0", "openai-llm"];
    // the smallest record is of six bytes, and takes its place in a list that grows
    let limits = Limits { memory_per_byte: 512, ..Limits::default() };
    fuzz(&Target::new("journal").dictionary(dictionary).longest(16 * 1024).limits(limits), |input| {
        let kept = Kept::read(input);
        if let Ok(kept) = &kept {
            assert!(kept.call().len() < input.len() && kept.components().len() < input.len());
            // what is cut off is as good as never written
            if let Ending::Torn(left) = kept.ending {
                let whole = Kept::read(&input[..input.len() - left]).unwrap();
                assert!(whole.lasted() == kept.lasted() && whole.components() == kept.components());
            }
        }
        [kept.map(|kept| (discriminant(&kept.ending), kept.components().len().min(3))).map_err(gist)]
    });
}

/// As in `cordboard.toml`, and the variables beside it.
#[derive(Deserialize)]
struct Desk {
    #[serde(default)]
    component: BTreeMap<String, Entry>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

impl Operator for Desk {
    fn entry(&self, id: &str) -> Option<&Entry> {
        self.component.get(id)
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
}

const SECRET: &str = "sk-never-shown";

/// A manifest, a line of `---`, and what the operator says.
#[test]
fn what_is_granted_is_settled_whatever_both_sides_say() {
    // every setting may stand in every address, with the ends of what was said before and after it
    let limits = Limits { memory_per_byte: 1024, ..Limits::default() };
    fuzz(&Target::new("grant").dictionary(WORDS).longest(16 * 1024).limits(limits), |input| {
        let text = String::from_utf8_lossy(input);
        let (manifest, operator) = text.split_once("\n---\n").unwrap_or((&text, ""));
        let manifest = match Manifest::parse(manifest) {
            Ok(manifest) => manifest,
            Err(e) => return vec![format!("{:?}", discriminant(&e))],
        };
        let Ok(mut desk) = toml::from_str::<Desk>(operator) else { return vec!["no operator".to_owned()] };
        for value in desk.variables.values_mut() {
            *value = SECRET.to_owned();
        }
        let mut kinds = vec![format!("{:?}", manifest.kind)];
        for shipped in [None, Some(&manifest)] {
            kinds.push(match Grant::settle(&manifest, shipped, &desk) {
                Ok(grant) => {
                    let shown = format!("{grant:?}");
                    let secret_is_a_setting = manifest.settings.values().any(|setting| setting.env.is_some());
                    assert!(secret_is_a_setting || !shown.contains(SECRET), "{shown}");
                    let entry = desk.component.get(&manifest.id);
                    if shipped.is_none() && entry.is_none_or(|entry| entry.grant.is_none()) {
                        assert!(shown.contains("allowed: []") && shown.contains("injections: []"), "{shown}");
                    }
                    let refused = grant.refused.iter().map(|what| what.chars().take(8).collect::<String>());
                    format!("granted, but not {:?}", refused.collect::<BTreeSet<_>>())
                }
                Err(e) => format!("{:?}", discriminant(&e)),
            });
        }
        if manifest.kind == Kind::Persona {
            kinds.push("persona".into());
        }
        kinds
    });
}
