//! A persona out of a page of TOML.
