//! The components that Cordboard ships, as built by `build.rs`.

/// Their bytes; each says in its manifest what it is.
pub(crate) static COMPONENTS: &[&[u8]] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
