//! What a project says of itself is right: a persona's talks, a provider's own tests.

use crate::building::{self, BuildError, Built};
use crate::project::{Language, Project};
use crate::talks::{self, TalkError, Told};
use components::Host;
use components::manifest::Kind;

#[derive(Debug, thiserror::Error)]
pub enum TestError {
    #[error(transparent)]
    Talks(#[from] TalkError),
    #[error(transparent)]
    Own(#[from] BuildError),
}

/// How its talks went; of a provider none: its tests have passed. `bless`: talks that went another way say
/// so from now on.
pub fn test(host: &Host, project: &Project, built: &Built, bless: bool) -> Result<Vec<Told>, TestError> {
    if project.kind() != Kind::Persona {
        return match project.language {
            Language::Rust => Ok(building::test_rust(project).map(|()| Vec::new())?),
            language => Err(BuildError::Language { language, known: "Rust".into() }.into()),
        };
    }
    let talks = talks::find(&project.root.join("tests"))?;
    let told = talks.iter().map(|talk| talks::tell(host, &built.artifact, talk, bless));
    Ok(told.collect::<Result<_, _>>()?)
}
