//! What authors of components need: a project to begin with, a build, a check, conversations as tests.
//!
//! - `making`: a new project, out of a template and the SDK of its language
//! - `project`: a folder that holds one component
//! - `building`: its `.wasm`, with the manifest inside
//! - `looking`: what a component is and asks (`check`, `inspect`)
//! - `testing`: what a project says of itself is right
//! - `talks`: conversations as text files, played against a component in virtual time
//! - `terminal`: a conversation with the keyboard
//! - `watching`: builds again when something changes
//!
//! Nothing here reaches the network; what sends a component to a server is the program's.

#![forbid(unsafe_code)]

pub mod building;
mod embedded;
pub mod looking;
pub mod making;
pub mod project;
pub mod talks;
pub mod terminal;
pub mod testing;
pub mod watching;

pub use building::{BuildError, Built, build};
pub use making::{Made, MakeError, New, make};
pub use project::{Language, Project, ProjectError};
pub use testing::{TestError, test};
