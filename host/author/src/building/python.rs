//! A persona in Python: `componentize-py` makes a component of `persona.py` and of what that imports.

use super::BuildError;
use crate::project::Project;
use std::path::PathBuf;
use std::process::Command;

const TOOL: &str = "componentize-py";
const INSTALL: &str = "run\n\n    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\n\nin the \
                       project, and build again";

/// The component as the tool left it.
pub(super) fn build(project: &Project) -> Result<PathBuf, BuildError> {
    super::personas_only(project)?;
    let made = super::place(project)?;
    let mut tool = tool(project);
    tool.args(["--quiet", "--wit-path", super::CONTRACT, "--world", super::PERSONA]);
    // the class `Script` is looked for in the module `persona`
    tool.args(["componentize", "--python-path", ".", "persona", "--output"]).arg(&made);
    super::run(tool, TOOL, INSTALL)?;
    Ok(made)
}

/// The one of the project's own environment, together with what else is installed there; else the one on
/// the PATH.
fn tool(project: &Project) -> Command {
    let environment = project.root.join(".venv");
    let scripts = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let own = scripts.join(TOOL).with_extension(std::env::consts::EXE_EXTENSION);
    if !own.is_file() {
        return project.command(TOOL);
    }
    let mut tool = project.command(own);
    tool.env("VIRTUAL_ENV", environment);
    tool
}
