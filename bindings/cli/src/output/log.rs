//! Logs on standard error.

use std::io::{self, IsTerminal};
use tracing_subscriber::filter::LevelFilter;

/// Starts logging: warnings, and more the more often `-v` was given.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(
            anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never && io::stderr().is_terminal(),
        )
        .without_time()
        .init();
}
