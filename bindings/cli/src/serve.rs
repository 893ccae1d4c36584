//! `mta-sts serve`.

mod log;

use crate::{
    config::{self, FileArg},
    exit::{Done, Exit, Stop},
    input::in_words,
    output,
};
use mta_sts_postfix::{
    config::{Config, ConfigError, LogLevel},
    daemon::{self, Environment, Inherited},
};
use std::path::PathBuf;

/// Answers Postfix and Sendmail over the socketmap protocol, until it gets SIGTERM.
///
/// SIGHUP makes it read its configuration anew; connections stay open. Under systemd it takes
/// sockets that were opened for it, says when it is ready, and serves the watchdog.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    file: FileArg,

    /// Keep policies here, not in $STATE_DIRECTORY, /var/lib/mta-sts (root) or
    /// ~/.local/state/mta-sts.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Exit codes: 0 after SIGTERM or SIGINT, 2 if the configuration is wrong, 3 if it cannot start.

Examples:
  mta-sts serve
  mta-sts serve --config mta-sts.toml --state-dir /tmp/mta-sts
  postconf -e 'smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix'
  postmap -q example.com socketmap:inet:127.0.0.1:8461:postfix";

pub(crate) fn run(args: &Args, verbose: u8) -> Result<Done, Stop> {
    // Before there are threads: the environment is changed.
    let inherited = Inherited::take().map_err(|error| Stop::unknown(error.to_string()))?;
    let wrong = |error: ConfigError| Stop { message: error.to_string(), exit: Exit::Off };
    let path = args.file.path();
    let load = move || match &path {
        Some(path) => Config::load(path),
        None => Ok(Config::default()),
    };
    let config = load().map_err(wrong)?;
    let at_least = match verbose {
        0 => LogLevel::Error,
        1 => LogLevel::Debug,
        _ => LogLevel::Trace,
    };
    let (set_log_level, rest_of_log) = log::start(&config.log, at_least);
    let environment = Environment {
        state_dir: args.state_dir.clone().map_or_else(config::state_dir, Ok)?,
        runtime_dir: config::first_directory("RUNTIME_DIRECTORY"),
        inherited,
        set_log_level: Box::new(set_log_level),
    };
    let threads = daemon::lookup_threads();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.map_err(|error| Stop::unknown(format!("cannot start: {}", in_words(&error))))?;
    let ended = runtime.block_on(daemon::run(config, environment, load));
    // Lookups that nobody waits for any more.
    runtime.shutdown_background();
    let exit = match ended {
        Ok(()) => Exit::Fine,
        Err(error) => {
            // Not by `Stop`: who reads standard error may be stalled, and SIGTERM ends nothing any more.
            output::complain_to(&mut rest_of_log.stderr(), &error.to_string());
            Exit::Unknown
        }
    };
    Ok(Done { text: String::new(), exit })
}
