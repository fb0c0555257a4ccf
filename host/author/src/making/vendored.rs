//! What is copied beside an author's own files: the SDK and the contract, below `cordboard/`.
//!
//! The SDKs in Rust take versions and dependencies from the workspace in which they are made. Out of it
//! they need them written out, and so does the lock: what is built is what was tested.

use super::MakeError;
use crate::embedded;
use crate::project::Language;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// The folder of a project in which all of it is.
const FOLDER: &str = "cordboard";

/// The crates of the SDK in Rust, as dependencies name them.
const CRATES: [&str; 2] = ["persona", "plugin"];

/// Names from the project's root on, and what is in the files.
pub(super) fn files(language: Language) -> Result<Vec<(String, Vec<u8>)>, MakeError> {
    let below = |folder: &str| -> Vec<(String, Vec<u8>)> {
        let files = embedded::below(folder);
        files.map(|(name, bytes)| (format!("{FOLDER}/{name}"), bytes.to_vec())).collect()
    };
    let contract = embedded::below("wit");
    let contract = contract.filter(|(name, _)| name.ends_with(".wit"));
    let contract = contract.map(|(name, bytes)| (format!("{FOLDER}/wit/{name}"), bytes.to_vec()));
    let mut files: Vec<(String, Vec<u8>)> = contract.collect();
    match language {
        Language::Python => files.extend(below("sdk/python")),
        Language::JavaScript => files.extend(below("sdk/javascript")),
        Language::Rust => {
            for (name, bytes) in below("sdk/rust") {
                // the contract lies one folder nearer than in the workspace
                let text = String::from_utf8_lossy(&bytes).replace("\"../../wit\"", "\"../wit\"");
                let text = if name.ends_with("/Cargo.toml") { standalone(&text)? } else { text };
                files.push((name, text.into_bytes()));
            }
            files.push(("Cargo.lock".into(), lock(embedded::text("workspace/Cargo.lock"))?.into_bytes()));
        }
    }
    Ok(files)
}

/// A manifest of cargo's that needs no workspace.
fn standalone(text: &str) -> Result<String, MakeError> {
    let sdk = |e: &dyn std::fmt::Display| MakeError::Sdk(e.to_string());
    let workspace: Table = embedded::text("workspace/Cargo.toml").parse().map_err(|e| sdk(&e))?;
    let inherited = |section: &str, key: &str| -> Result<Value, MakeError> {
        let value = workspace.get("workspace").and_then(|w| w.get(section)?.get(key)).cloned();
        value.ok_or_else(|| sdk(&format!("the workspace has no {section}.{key}")))
    };
    let mut manifest: Table = text.parse().map_err(|e| sdk(&e))?;
    if let Some(Value::Table(package)) = manifest.get_mut("package") {
        for (key, value) in package.iter_mut().filter(|(_, value)| is_inherited(value)) {
            *value = inherited("package", key)?;
        }
    }
    if let Some(Value::Table(dependencies)) = manifest.get_mut("dependencies") {
        for (name, value) in dependencies.iter_mut().filter(|(_, value)| is_inherited(value)) {
            *value = inherited("dependencies", name)?;
            if let Value::Table(dependency) = value
                && CRATES.contains(&name.as_str())
            {
                dependency.insert("path".into(), format!("../{name}").into());
            }
        }
    }
    let text = toml::to_string(&manifest).map_err(|e| sdk(&e))?;
    Ok(format!("# written by `cordboard new`\n{text}"))
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// The part of the workspace's lock that the SDK needs.
fn lock(text: &str) -> Result<String, MakeError> {
    let sdk = |e: &dyn std::fmt::Display| MakeError::Sdk(e.to_string());
    let mut lock: Table = text.parse().map_err(|e| sdk(&e))?;
    let Some(Value::Array(packages)) = lock.remove("package") else {
        return Err(sdk(&"the lock has no packages"));
    };
    let field = |package: &Value, key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
    // a dependency is named with its version where there are several
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (at, package) in packages.iter().enumerate() {
        let name = field(package, "name").unwrap_or_default();
        let version = field(package, "version").unwrap_or_default();
        known.insert(format!("{name} {version}"), at);
        known.insert(name, at);
    }
    let mut wanted: Vec<String> = CRATES.iter().map(|name| format!("cordboard-{name}")).collect();
    let mut needed = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        let at = known.get(&name).copied().ok_or_else(|| sdk(&format!("the lock has no {name}")))?;
        if needed.insert(at) {
            let dependencies = packages.get(at).and_then(|package| package.get("dependencies")?.as_array());
            wanted.extend(dependencies.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    let packages = packages.into_iter().enumerate().filter(|(at, _)| needed.contains(at));
    lock.insert("package".into(), Value::Array(packages.map(|(_, package)| package).collect()));
    toml::to_string(&lock).map_err(|e| sdk(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_in_rust_needs_no_workspace() {
        let files = files(Language::Rust).unwrap();
        let text = |name: &str| {
            let file = files.iter().find(|(known, _)| known == name);
            String::from_utf8(file.unwrap_or_else(|| panic!("no {name}")).1.clone()).unwrap()
        };
        let persona = text("cordboard/persona/Cargo.toml");
        assert!(!persona.contains("workspace") && persona.contains("../plugin"), "{persona}");
        assert!(text("cordboard/persona/src/lib.rs").contains("path: \"../wit\""));
        assert!(text("cordboard/wit/worlds.wit").contains("persona-script"));
        let lock = text("Cargo.lock");
        assert!(lock.contains("\"wit-bindgen\"") && lock.contains("checksum"), "{lock}");
        assert!(!lock.contains("wasmtime") && !lock.contains("tokio"), "{lock}");
    }
}
