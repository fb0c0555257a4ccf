//! A persona in JavaScript: `componentize-qjs` puts `persona.js`, and what that imports, into QuickJS.

use super::BuildError;
use crate::project::Project;
use std::path::PathBuf;
use std::process::Command;

const TOOL: &str = "componentize-qjs";
const INSTALL: &str = "run\n\n    npm install\n\nin the project (npm comes with Node.js, https://nodejs.org), \
                       and build again";

/// The component as the tool left it.
pub(super) fn build(project: &Project) -> Result<PathBuf, BuildError> {
    super::personas_only(project)?;
    let made = super::place(project)?;
    let mut tool = tool(project);
    tool.args(["--wit", super::CONTRACT, "--world", super::PERSONA, "--js", "persona.js"]);
    // calls into a component are synchronous
    tool.args(["--sync", "--output"]).arg(&made);
    super::run(tool, TOOL, INSTALL)?;
    Ok(made)
}

/// The one that npm has installed for the project; else the one on the PATH.
fn tool(project: &Project) -> Command {
    let name = if cfg!(windows) { "componentize-qjs.cmd" } else { TOOL };
    let own = project.root.join("node_modules/.bin").join(name);
    if own.is_file() { project.command(own) } else { project.command(name) }
}
