//! Builds WebAssembly components of this workspace, from a build script or a test.
//!
//! A nested cargo with a target directory of its own: the outer one holds the lock on its own, and
//! its profile and flags are for another machine.

use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// Builds these packages; the path of the component of each, in the same order. Fails with a
/// sentence that says what to do.
pub fn build(workspace: &Path, packages: &[&str]) -> Result<Vec<PathBuf>, String> {
    has_target()?;
    let target_dir = workspace.join("target").join("guests");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace);
    cargo
        .args(["build", "--locked", "--profile", "guest", "--target", TARGET, "--target-dir"])
        .arg(&target_dir);
    for package in packages {
        cargo.args(["--package", package]);
    }
    // meant for the outer build
    for variable in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_TARGET_DIR",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_MAKEFLAGS",
        "MAKEFLAGS",
    ] {
        cargo.env_remove(variable);
    }
    let output = cargo.output().map_err(|e| format!("cargo could not be started: {e}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("building the components {packages:?} failed:\n{said}"));
    }
    let folder = target_dir.join(TARGET).join("guest");
    Ok(packages.iter().map(|package| folder.join(format!("{}.wasm", package.replace('-', "_")))).collect())
}

fn has_target() -> Result<(), String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let output = output.map_err(|e| format!("rustc could not be started: {e}"))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && folder.is_dir() {
        return Ok(());
    }
    Err(format!(
        "the Rust target {TARGET} is missing, for which the components are built: run\n\n    \
         rustup target add {TARGET}\n\nand build again"
    ))
}
