//! An author's first hour, step by step, and what goes wrong in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod beginning;
mod desk;
mod languages;
mod mistakes;
mod talking;
mod typing;
