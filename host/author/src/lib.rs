//! What authors of components need: a project to begin with, a build, a check, conversations as tests.

#![forbid(unsafe_code)]
