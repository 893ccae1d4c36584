//! The command line as a whole. Each command keeps its own arguments in its file.

use crate::{cache, completions, config, doctor, health, lab, lint, man, matching, query, report, serve};
use anstream::ColorChoice;
use clap::{Parser, Subcommand, ValueEnum};
use std::{env, ffi::OsString};

/// Checks MTA-STS (RFC 8461) and TLS reporting (RFC 8460) for mail domains.
#[derive(Debug, Parser)]
#[command(name = "mta-sts", bin_name = "mta-sts", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Write JSON, in the shape that the README describes.
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,

    /// When to use colours: auto (on a terminal, unless NO_COLOR is set), always or never.
    #[arg(long, global = true, help_heading = "Global options", value_name = "WHEN")]
    #[arg(default_value = "auto", hide_possible_values = true)]
    pub(crate) color: Color,

    /// Log what is done to standard error; twice for more.
    #[arg(short, long, global = true, help_heading = "Global options", action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Exit codes:
  0   fine, or tips only
  1   a risk, or something that some senders read differently
  2   mail is refused, or MTA-STS is off
  3   it could not be learnt, such as when DNS does not answer
  64  wrong usage

Examples:
  mta-sts query example.com
  mta-sts lint mta-sts.txt
  dig +short TXT _mta-sts.example.com | mta-sts lint --txt -
  mta-sts match '*.example.com' mx1.example.com
  mta-sts report 'google.com!example.com!1700000000!1700086399.json.gz'";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Explains what is wrong with a policy file or a TXT record, and how to put it right.
    Lint(lint::Args),
    /// Says whether an MX pattern allows a host, and why.
    Match(matching::Args),
    /// Reads a TLS report (RFC 8460) and says what failed and what to do.
    Report(report::Args),
    /// Asks what a sending server decides about a domain now.
    Query(query::Args),
    /// Answers Postfix and Sendmail over the socketmap protocol, until it gets SIGTERM.
    Serve(serve::Args),
    /// Checks, shows or imports the configuration of `mta-sts serve`.
    Config(config::Args),
    /// Shows and changes what a running daemon holds.
    Cache(cache::Args),
    /// Looks at the daemon, Postfix and the network, and says what to fix.
    Doctor(doctor::Args),
    /// Asks a running daemon whether it works.
    Health(health::Args),
    /// Runs the real driver against a small internet on loopback.
    Lab(lab::Args),
    /// Prints a completion script for a shell.
    Completions(completions::Args),
    /// Prints the manual page, or writes one for each command.
    Man(man::Args),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal.
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// The arguments of this process. What clap itself prints has the chosen colours too.
pub(crate) fn parse() -> Result<Args, clap::Error> {
    let arguments: Vec<OsString> = env::args_os().collect();
    set_color(&arguments);
    Args::try_parse_from(arguments)
}

/// Help and errors are printed before there are parsed arguments, so this looks for itself.
fn set_color(arguments: &[OsString]) {
    let given =
        arguments.iter().enumerate().find_map(|(i, argument)| match argument.to_str()?.strip_prefix("--color")? {
            "" => arguments.get(i + 1)?.to_str(),
            value => value.strip_prefix('='),
        });
    let choice = match given.and_then(|value| Color::from_str(value, false).ok()) {
        Some(Color::Always) => ColorChoice::Always,
        Some(Color::Never) => ColorChoice::Never,
        Some(Color::Auto) | None => ColorChoice::Auto,
    };
    choice.write_global();
}
