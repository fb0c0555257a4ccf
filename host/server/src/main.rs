//! `cordboard`: answers telephone calls and holds a conversation.
//!
//! - `cli`: the commands
//! - `config`: one typed configuration, and where each value came from
//! - `services`: the components that were chosen, and why
//! - `app`: all that a request may need
//! - `serving`: the listening socket
//! - `access`: who may do what
//! - `routes`: what answers HTTP
//! - `registry`: the calls that are known
//! - `outbound`: calls that this host places
//! - `calls`: the task that drives one call
//! - `personas`: the conversations that calls may ask for
//! - `vitals`: how the providers are doing
//! - `recording`: both sides of every call in a file
//! - `bench`: how many calls a core carries
//! - `last_resort`: what can be said when the voice is lost

#![forbid(unsafe_code)]

mod access;
mod app;
mod bench;
mod calls;
mod cli;
mod config;
mod last_resort;
mod logging;
mod outbound;
mod personas;
mod recording;
mod registry;
mod routes;
mod services;
mod serving;
mod vitals;

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
