//! `cordboard`: answers telephone calls and holds a conversation.
//!
//! - `cli`: the commands
//! - `config`: one typed configuration, and where each value came from
//! - `services`: the components that were chosen, and why
//! - `slots`: what is plugged in where, and how that changes while calls run
//! - `app`: all that a request may need
//! - `serving`: the listening socket
//! - `access`: who may do what
//! - `routes`: what answers HTTP
//! - `registry`: the calls that are known
//! - `nodes`: the other servers that share them
//! - `outbound`: calls that this host places
//! - `calls`: the task that drives one call
//! - `personas`: the conversations that calls may ask for
//! - `vitals`: how the providers are doing
//! - `figures`: how many calls, how fast, what failed, for Prometheus
//! - `traces`: what happened when in a call, for OpenTelemetry
//! - `logging`: what is worth knowing, as lines
//! - `recording`: both sides of every call in a file
//! - `journals`: what the components of a call were told, in a file, to be replayed
//! - `records`: what is kept of calls
//! - `bench`: how many calls a core carries
//! - `last_resort`: what can be said when the voice is lost

#![forbid(unsafe_code)]

mod access;
mod app;
mod bench;
mod calls;
mod cli;
mod config;
mod figures;
mod journals;
mod last_resort;
mod logging;
mod nodes;
mod outbound;
mod personas;
mod recording;
mod records;
mod registry;
mod routes;
mod routing;
mod services;
mod serving;
mod slots;
mod traces;
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
