//! Logs on standard error.

use std::io;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging: warnings, and more the more often `-v` was given.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_ansi(false).without_time().init();
}
