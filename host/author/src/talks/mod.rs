//! Talks: conversations as text files, played against a persona.
//!
//! ```text
//! # The caller asks about breakfast
//! agent: Hello, this is the desk. How can I help you?
//! caller: When is breakfast?
//! model: From seven to ten.
//! agent: From seven to ten.
//! ```
//!
//! The caller speaks when the agent has finished. What the agent says, and what comes of it, is compared
//! with what happened; or, blessed, replaced by it.
//!
//! - `line.rs`, `file.rs`: the format
//! - `scene.rs`: what is known before the call
//! - `stage.rs`: plays it
//! - `score.rs`: compares

mod file;
mod line;
mod scene;
mod score;
mod stage;

pub use file::{Mistake, Talk};
pub use scene::{Desk, nobody};

use components::manifest::Kind;
use components::{Artifact, Fault, Generation, Host, LoadError};
use score::Score;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    #[error("{path} cannot be read or written: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error(
        "{folder} holds no talk: write one, like {folder}/greeting.talk; the first line may be `caller: Hello!`"
    )]
    None { folder: PathBuf },
    #[error("only conversations of personas are played, and {id} is a {kind} component")]
    Kind { id: String, kind: Kind },
}

/// How one file went.
#[derive(Debug)]
pub struct Told {
    pub path: PathBuf,
    /// empty: as it should
    pub problems: Vec<Mistake>,
    /// the parts that went another way; empty: none
    pub difference: String,
    /// it was rewritten
    pub blessed: bool,
}

impl Told {
    pub fn is_good(&self) -> bool {
        self.problems.is_empty() && (self.difference.is_empty() || self.blessed)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match (self.is_good(), self.blessed) {
            (true, false) => write!(f, "ok       {path}")?,
            (true, true) => write!(f, "blessed  {path}")?,
            (false, _) => write!(f, "problem  {path}")?,
        }
        for Mistake { line, problem } in &self.problems {
            write!(f, "\n{path}:{line}: {problem}")?;
        }
        if !self.difference.is_empty() && !self.blessed {
            write!(
                f,
                "\nit went another way (- as the file says, + as it went):\n{}",
                self.difference.trim_end()
            )?;
        }
        Ok(())
    }
}

/// The talks of a folder, by name.
pub fn find(folder: &Path) -> Result<Vec<PathBuf>, TalkError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(TalkError::None { folder: folder.to_owned() });
        }
        Err(source) => return Err(TalkError::File { path: folder.to_owned(), source }),
    };
    let is_talk = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "talk");
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_talk).collect();
    paths.sort();
    if paths.is_empty() { Err(TalkError::None { folder: folder.to_owned() }) } else { Ok(paths) }
}

/// Plays a file. `bless`: where it went another way, the file says so from now on.
pub fn tell(host: &Host, persona: &Artifact, path: &Path, bless: bool) -> Result<Told, TalkError> {
    let file = |source| TalkError::File { path: path.to_owned(), source };
    if persona.manifest.kind != Kind::Persona {
        return Err(TalkError::Kind { id: persona.manifest.id.clone(), kind: persona.manifest.kind });
    }
    let text = std::fs::read_to_string(path).map_err(file)?;
    let mut told =
        Told { path: path.to_owned(), problems: Vec::new(), difference: String::new(), blessed: false };
    match play(host, persona, &text) {
        Err(mistakes) => told.problems = mistakes,
        Ok(Rehearsed { problems, difference, blessed }) => {
            if bless && blessed != text && !difference.is_empty() {
                std::fs::write(path, blessed).map_err(file)?;
                told.blessed = true;
            }
            (told.problems, told.difference) = (problems, difference);
        }
    }
    Ok(told)
}

/// A talk that was played.
#[derive(Debug)]
pub struct Rehearsed {
    pub problems: Vec<Mistake>,
    /// empty: it went as the text says
    pub difference: String,
    /// the text as it went
    pub blessed: String,
}

/// Plays a talk against a persona, in virtual time. An error: it cannot be played, and why.
pub fn play(host: &Host, persona: &Artifact, text: &str) -> Result<Rehearsed, Vec<Mistake>> {
    let talk = Talk::parse(text)?;
    let opening = scene::opening(&talk, &persona.manifest)?;
    let top = |problem: String| vec![Mistake { line: 1, problem }];
    let generation = load(host, persona.clone(), &opening.desk).map_err(|e| top(e.to_string()))?;
    let played = stage::play(&talk, &generation, &opening).map_err(|fault| top(begins_not(&fault)))?;
    let score = Score::new(&talk, &played);
    let difference = if score.agrees() { String::new() } else { score.difference() };
    let problems = played.problems.iter();
    let problems = problems.map(|(line, problem)| Mistake { line: line + 1, problem: problem.clone() });
    Ok(Rehearsed { problems: problems.collect(), difference, blessed: score.blessed() })
}

fn begins_not(fault: &Fault) -> String {
    format!("the persona does not begin: {fault}. Its settings are given with `with setting NAME = VALUE`")
}

/// A component that gets nothing but settings and limits: whoever plays with it answers what it asks.
pub(crate) fn load(host: &Host, artifact: Artifact, desk: &Desk) -> Result<Arc<Generation>, LoadError> {
    Generation::load(host, artifact, None, desk).map(Arc::new)
}
