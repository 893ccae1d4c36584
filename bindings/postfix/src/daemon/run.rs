//! A daemon that lives by signals.

use super::{
    Daemon, Environment, StartError, notify,
    reloader::{Outcome, Reloader},
};
use crate::config::{Config, ConfigError, Listen};
use std::time::Instant;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs a daemon until SIGTERM or SIGINT, and reads its configuration anew by `load` at each SIGHUP.
/// The service manager is told of each step.
///
/// # Errors
/// [`StartError`] if it does not start. Later errors are logged, and the old configuration stays.
pub async fn run(
    config: Config,
    environment: Environment,
    load: impl Fn() -> Result<Config, ConfigError>,
) -> Result<(), StartError> {
    let began = Instant::now();
    let mut signals = Signals::new().map_err(StartError::Signals)?;
    raise_file_limit(config.server.max_connections);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let (reloader, mut requests) = Reloader::new();
    let mut daemon = Daemon::start(config, environment, &reloader).await?;
    let watchdog = notify::start_watchdog();
    tracing::info!(
        listen = listens(&daemon),
        state = %daemon.state_dir().display(),
        milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        version = env!("CARGO_PKG_VERSION"),
        "ready"
    );
    notify::ready(&status(&daemon));
    loop {
        tokio::select! {
            Some(()) = signals.reload.recv() => drop(reload(&mut daemon, &load).await),
            Some(answer) = requests.next() => {
                // Who asked may be gone.
                let _ = answer.send(reload(&mut daemon, &load).await);
            }
            Some(()) = signals.terminate.recv() => break,
            Some(()) = signals.interrupt.recv() => break,
            else => break,
        }
    }
    tracing::info!("stops: answers what was asked, and closes the store");
    notify::stopping();
    tokio::select! {
        cut = daemon.stop() => match cut {
            0 => tracing::info!("stopped"),
            cut => tracing::warn!(connections = cut, "stopped; some connections did not end in time and were cut"),
        },
        // Who asks twice does not want to wait.
        Some(()) = signals.terminate.recv() => tracing::warn!("stopped at once"),
        Some(()) = signals.interrupt.recv() => tracing::warn!("stopped at once"),
    }
    drop(watchdog);
    Ok(())
}

async fn reload(daemon: &mut Daemon, load: &impl Fn() -> Result<Config, ConfigError>) -> Outcome {
    notify::reloading();
    let outcome = match load() {
        Ok(config) => {
            for warning in config.warnings() {
                tracing::warn!("{warning}");
            }
            daemon.reload(config).await.map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    match &outcome {
        Ok(()) => tracing::info!(listen = listens(daemon), "reloaded"),
        Err(why) => {
            for line in why.lines() {
                tracing::error!("{line}");
            }
            tracing::error!("not reloaded; the old configuration stays");
        }
    }
    notify::ready(&status(daemon));
    outcome.map(|()| status(daemon))
}

fn listens(daemon: &Daemon) -> String {
    let listens: Vec<_> = daemon.listens().iter().map(Listen::to_string).collect();
    listens.join(" ")
}

fn status(daemon: &Daemon) -> String {
    // A status is one line.
    format!("answers on {}", listens(daemon).escape_debug())
}

struct Signals {
    reload: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            reload: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// Every connection is an open file, and the usual soft limit is 1024 for the sake of select(2).
fn raise_file_limit(max_connections: u32) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// For the store, lookups and listeners.
    const OTHERS: u64 = 200;
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let wanted = u64::from(max_connections) + OTHERS;
    if let Some(files) = getrlimit(Resource::Nofile).current.filter(|files| *files < wanted) {
        tracing::warn!(
            files,
            wanted,
            "fewer open files are allowed than server.max_connections needs; see LimitNOFILE="
        );
    }
}
