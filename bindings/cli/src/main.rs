//! The command `mta-sts`: what a policy, a record, a report or a whole domain means for mail.

#![forbid(unsafe_code)]

mod args;
mod cache;
mod completions;
mod config;
mod doctor;
mod exit;
mod health;
mod http;
mod input;
mod lab;
mod lint;
mod man;
mod matching;
mod output;
mod query;
mod quoted;
mod report;
mod serve;

use args::{Args, Command};
use exit::{Done, Exit, Stop};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match args::parse() {
        Ok(args) => args,
        Err(error) => return explain(&error).into(),
    };
    // The daemon logs as its configuration says.
    if !matches!(args.command, Command::Serve(_)) {
        output::log::start(args.verbose);
    }
    let exit = match run(args) {
        Ok(Done { text, exit }) => output::print(&text, exit),
        Err(Stop { message, exit }) => output::complain(&message, exit),
    };
    exit.into()
}

fn run(Args { json, command, verbose, .. }: Args) -> Result<Done, Stop> {
    match command {
        Command::Lint(args) => lint::run(&args, json),
        Command::Match(args) => matching::run(&args, json),
        Command::Report(args) => report::run(&args, json),
        Command::Query(args) => query::run(&args, json),
        Command::Serve(args) => serve::run(&args, verbose),
        Command::Config(args) => config::run(&args, json),
        Command::Cache(args) => cache::run(&args, json),
        Command::Doctor(args) => doctor::run(&args, json),
        Command::Health(args) => health::run(&args, json),
        Command::Lab(args) => lab::run(&args, json),
        Command::Completions(args) => Ok(completions::run(&args)),
        Command::Man(args) => man::run(&args),
    }
}

/// Help and the version are what was asked for; all else is a wrong use.
fn explain(error: &clap::Error) -> Exit {
    // Nobody reads what cannot be written.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Fine }
}
