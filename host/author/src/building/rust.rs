//! A component in Rust: `cargo build` for `wasm32-wasip2`.

use super::BuildError;
use crate::project::Project;
use serde::Deserialize;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const TARGET: &str = "wasm32-wasip2";
const INSTALL: &str = "install Rust from https://rustup.rs and build again";

/// One line of what cargo says to programs.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The component as cargo left it.
pub(super) fn build(project: &Project) -> Result<PathBuf, BuildError> {
    has_target(project, &std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))?;
    let mut cargo = cargo(project);
    cargo.args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    let watched = std::io::stderr().is_terminal();
    cargo.stdin(Stdio::null()).stdout(Stdio::piped());
    cargo.stderr(if watched { Stdio::inherit() } else { Stdio::piped() });
    let output = cargo.spawn().and_then(std::process::Child::wait_with_output).map_err(missing)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(BuildError::Refused { tool: "cargo".into(), said });
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let artifacts = messages.filter(|message| message.reason == "compiler-artifact");
    let is_wasm = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "wasm");
    // the package itself comes last
    artifacts.flat_map(|message| message.filenames).rfind(is_wasm).ok_or_else(|| BuildError::Nothing {
        tool: "cargo".into(),
        advice: "Cargo.toml needs [lib] with crate-type = [\"cdylib\", \"rlib\"]".into(),
    })
}

/// Runs the project's own tests, on this machine.
pub(crate) fn test(project: &Project) -> Result<(), BuildError> {
    let mut cargo = cargo(project);
    cargo.args(["test", "--tests"]);
    super::run(cargo, "cargo test", INSTALL)
}

fn cargo(project: &Project) -> Command {
    project.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn missing(source: std::io::Error) -> BuildError {
    BuildError::Tool { tool: "cargo".into(), source, install: INSTALL.into() }
}

fn has_target(project: &Project, rustc: &OsStr) -> Result<(), BuildError> {
    let output = project.command(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let output = output.map_err(|source| BuildError::Tool {
        tool: "rustc".into(),
        source,
        install: INSTALL.into(),
    })?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && folder.is_dir() { Ok(()) } else { Err(BuildError::Target) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_target_or_a_compiler_that_is_missing_is_named_with_what_installs_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let manifest = "id = \"desk\"\nversion = \"1\"\nkind = \"persona\"\ncontract = \"0.1\"\n";
        std::fs::write(folder.path().join("persona.toml"), manifest).unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        let project = Project::open(folder.path()).unwrap();
        // a compiler without our target
        let rustc = folder.path().join("rustc");
        std::fs::write(&rustc, "#!/bin/sh\necho /nowhere/lib\n").unwrap();
        std::fs::set_permissions(&rustc, std::fs::Permissions::from_mode(0o755)).unwrap();
        let missing = has_target(&project, rustc.as_os_str()).unwrap_err();
        assert!(missing.to_string().contains("rustup target add wasm32-wasip2"), "{missing}");
        let none = has_target(&project, folder.path().join("none").as_os_str()).unwrap_err();
        assert!(none.to_string().contains("https://rustup.rs"), "{none}");
    }
}
