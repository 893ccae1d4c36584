//! The log of the daemon, on standard error.

mod writer;

use anstream::{AutoStream, ColorChoice};
use mta_sts_postfix::config::{Log, LogFormat, LogLevel};
use std::{env, io};
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};
use writer::Rest;

/// Starts logging, and says how to change the level; the rest is to be dropped last. `at_least` is
/// what the command line wants.
pub(super) fn start(log: &Log, at_least: LogLevel) -> (impl Fn(LogLevel) + Send + Sync + use<>, Rest) {
    let filter = move |level: LogLevel| targets(filter(level).max(filter(at_least)));
    let (layer, handle) = reload::Layer::new(filter(log.level));
    let (writer, rest) = writer::start();
    tracing_subscriber::registry().with(lines(log.format, writer)).with(layer).init();
    let set_level = move |level| {
        // It fails only when nothing is logged any more.
        let _ = handle.modify(|targets| *targets = filter(level));
    };
    (set_level, rest)
}

fn lines(format: LogFormat, writer: NonBlocking) -> Box<dyn Layer<Registry> + Send + Sync> {
    let has_time = !is_journal();
    let lines = fmt::layer().with_writer(writer).with_target(false);
    match (format, has_time) {
        (LogFormat::Json, true) => lines.json().flatten_event(true).boxed(),
        (LogFormat::Json, false) => lines.json().flatten_event(true).without_time().boxed(),
        (LogFormat::Text, true) => lines.with_ansi(has_colors()).boxed(),
        (LogFormat::Text, false) => lines.with_ansi(has_colors()).without_time().boxed(),
    }
}

/// Whether standard error goes to the journal, which has a clock of its own: systemd.exec(5). The
/// variable alone may be of a process before this one.
fn is_journal() -> bool {
    let Some(journal) = env::var("JOURNAL_STREAM").ok() else { return false };
    rustix::fs::fstat(io::stderr()).is_ok_and(|stderr| journal == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}

fn has_colors() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// What other crates log may hold text from the wire.
fn targets(level: LevelFilter) -> Targets {
    Targets::new().with_target("mta_sts", level)
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
