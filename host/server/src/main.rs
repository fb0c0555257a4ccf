//! `cordboard`: answers telephone calls and holds a conversation.
//!
//! - `cli`: the commands
//! - `config`: one typed configuration, and where each value came from
//! - `services`: the components that were chosen, and why
//! - `routes`: what answers HTTP
//! - `calls`: the task that drives one call

#![forbid(unsafe_code)]

mod calls;
mod cli;
mod config;
mod local;
mod logging;
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
