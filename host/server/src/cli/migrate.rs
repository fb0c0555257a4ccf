//! `cordboard migrate`: the database as this version wants it.

use super::read;
use crate::config::Flags;
use crate::records;
use anyhow::{Context, bail};
use clap::Args;
use std::process::ExitCode;

#[derive(Args)]
pub struct Arguments {
    /// Print the SQL, and change nothing
    #[arg(long)]
    print: bool,
}

pub fn migrate(flags: &Flags, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (loaded, _) = read(flags)?;
    let Some(database) = records::database(&loaded)? else {
        bail!("there is no database: `store.database` is \"none\"");
    };
    if arguments.print {
        for (name, sql) in store::migrations(&database) {
            println!("-- {name}\n{}\n", sql.trim_end());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(store::migrate(&database)).context("the database was not brought up to date")?;
    println!("{database} is as this version wants it");
    Ok(ExitCode::SUCCESS)
}
