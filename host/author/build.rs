//! Embeds what a new project is made of: the templates, the SDKs and the contract. An installed program
//! has no source tree beside it.

use std::path::{Path, PathBuf};

/// Folders and files of the workspace, and the names under which they are embedded.
const EMBEDDED: [(&str, &str); 10] = [
    ("host/author/templates", "templates"),
    ("personas/sdk/Cargo.toml", "sdk/rust/persona/Cargo.toml"),
    ("personas/sdk/src", "sdk/rust/persona/src"),
    ("plugins/sdk/Cargo.toml", "sdk/rust/plugin/Cargo.toml"),
    ("plugins/sdk/src", "sdk/rust/plugin/src"),
    ("personas/sdk/python", "sdk/python"),
    ("personas/sdk/javascript", "sdk/javascript"),
    ("wit", "wit"),
    ("Cargo.toml", "workspace/Cargo.toml"),
    ("Cargo.lock", "workspace/Cargo.lock"),
];

/// What tools leave behind, and what is for the SDK's own authors.
const LEFT_OUT: [&str; 7] =
    ["__pycache__", "node_modules", "target", "build", "tests", ".venv", ".pytest_cache"];

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if let Err(problem) = embed(&workspace) {
        println!("cargo::error={problem}");
    }
}

/// Writes the list that `src/embedded.rs` includes.
fn embed(workspace: &Path) -> Result<(), String> {
    let mut list = String::from("&[\n");
    for (from, name) in EMBEDDED {
        let from = workspace.join(from);
        let mut files = Vec::new();
        // a template is taken whole: its tests belong to the project
        find(&from, name, name == "templates", &mut files)?;
        for (name, path) in files {
            let path = path.canonicalize().map_err(|e| format!("{}: {e}", path.display()))?;
            list.push_str(&format!("    ({name:?}, include_bytes!({path:?})),\n"));
        }
    }
    list.push(']');
    let out = std::env::var("OUT_DIR").map_err(|e| e.to_string())?;
    let path = Path::new(&out).join("embedded.rs");
    std::fs::write(&path, list).map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

/// All files at or below `path`, in the order of their names. What is not there yet has none.
fn find(path: &Path, name: &str, whole: bool, files: &mut Vec<(String, PathBuf)>) -> Result<(), String> {
    if path.is_file() {
        println!("cargo::rerun-if-changed={}", path.display());
        files.push((name.to_owned(), path.to_owned()));
        return Ok(());
    }
    if !path.is_dir() {
        return Ok(());
    }
    // what is added to it counts too
    println!("cargo::rerun-if-changed={}", path.display());
    let entries = std::fs::read_dir(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    for inner in names {
        let left_out = LEFT_OUT.contains(&inner.as_str()) && !(whole && inner == "tests");
        if !left_out && !inner.ends_with(".pyc") {
            find(&path.join(&inner), &format!("{name}/{inner}"), whole, files)?;
        }
    }
    Ok(())
}
