//! `cordboard`: answers telephone calls and holds a conversation.
//!
//! - `cli`: the commands
//! - `config`: one typed configuration, and where each value came from
//! - `services`: the components that were chosen, and why
//! - `routes`: what answers HTTP
//! - `calls`: the task that drives one call
//! - `recording`: both sides of every call in a file
//! - `bench`: how many calls a core carries
//! - `last_resort`: what can be said when the voice is lost

#![forbid(unsafe_code)]

mod bench;
mod calls;
mod cli;
mod config;
mod last_resort;
mod local;
mod logging;
mod recording;
mod routes;
mod services;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
