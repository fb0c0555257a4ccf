//! Builds the components that Cordboard ships and embeds them in the program, so that one file is a
//! working installation.

#[path = "build/guests.rs"]
mod guests;

use std::path::{Path, PathBuf};

/// What is embedded. Their ids stand in their manifests.
const SHIPPED: [&str; 10] = [
    "cartesia-tts",
    "claim-intake",
    "deepgram-stt",
    "flite-tts",
    "guest-relations",
    "offline-llm",
    "openai-llm",
    "openai-stt",
    "openai-tts",
    "prompted",
];

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for changed in ["plugins", "personas", "wit", "Cargo.lock", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", workspace.join(changed).display());
    }
    println!("cargo::rerun-if-changed=build");
    let embedded = guests::build(&workspace, &SHIPPED).and_then(|components| embed(&components));
    if let Err(problem) = embedded {
        for line in problem.lines() {
            println!("cargo::error={line}");
        }
    }
}

/// Writes the list that `src/embedded.rs` includes.
fn embed(components: &[PathBuf]) -> Result<(), String> {
    let out = std::env::var("OUT_DIR").map_err(|e| e.to_string())?;
    let mut list = String::from("&[\n");
    for component in components {
        // a copy of our own: the nested target directory may be cleaned or rebuilt at any time
        let name = component.file_name().unwrap_or_default();
        let copy = Path::new(&out).join(name);
        std::fs::copy(component, &copy)
            .map_err(|e| format!("{} cannot be copied: {e}", component.display()))?;
        list.push_str(&format!("    include_bytes!({:?}),\n", copy));
    }
    list.push(']');
    let path = Path::new(&out).join("embedded.rs");
    std::fs::write(&path, list).map_err(|e| format!("{} cannot be written: {e}", path.display()))
}
