//! A client of the admin socket.

use crate::{exit::Stop, http, input::in_words, output::escape};
use hyper::{StatusCode, body::Bytes};
use mta_sts_core::UnixTime;
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    env, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio::{
    net::UnixStream,
    runtime::{Builder, Runtime},
    time::timeout,
};

/// A refresh may take this long.
const PATIENCE: Duration = Duration::from_secs(150);
/// A page of a thousand policies with many MX patterns.
const MAX_ANSWER: usize = 64 << 20;

pub(super) struct Admin {
    path: PathBuf,
    runtime: Runtime,
}

/// The daemon says no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    why: String,
}

impl Refusal {
    pub(super) fn stop(self) -> Stop {
        Stop::unknown(format!("the daemon says: {}", escape::text(&self.why)))
    }
}

#[derive(Deserialize)]
struct Why {
    error: String,
}

impl Admin {
    /// The socket that was given, or the first of the usual ones that is there.
    pub(super) fn find(given: Option<&Path>) -> Result<Self, Stop> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Stop::unknown(format!("cannot start: {}", in_words(&error))))?;
        let paths = given.map_or_else(usual, |given| vec![unprefixed(given)]);
        let is_there = |path: &&PathBuf| {
            // A directory that cannot be searched may hold it: the connection says so.
            !path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        let Some(path) = paths.iter().find(is_there) else {
            let paths: Vec<_> = paths.iter().map(|path| escape::path(path)).collect();
            return Err(Stop::unknown(format!(
                "no admin socket at {}: is the daemon (\"mta-sts serve\") running? If its socket is elsewhere, name it \
                 with --admin PATH",
                paths.join(" or ")
            )));
        };
        Ok(Self { path: path.clone(), runtime })
    }

    /// The clock of this machine, which is the daemon's.
    pub(super) fn now(&self) -> UnixTime {
        UnixTime(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    pub(super) fn ask<T: DeserializeOwned>(&self, method: &str, target: &str) -> Result<T, Stop> {
        self.try_ask(method, target)?.map_err(Refusal::stop)
    }

    pub(super) fn try_ask<T: DeserializeOwned>(&self, method: &str, target: &str) -> Result<Result<T, Refusal>, Stop> {
        let asked = self.runtime.block_on(async { timeout(PATIENCE, self.exchange(method, target)).await });
        let path = escape::path(&self.path);
        let (status, body) = asked.map_err(|_| Stop::unknown(format!("{path}: the daemon does not answer")))??;
        let strange = |_| Stop::unknown(format!("{path}: what answers there is no daemon of this version"));
        if status.is_success() {
            return serde_json::from_slice(&body).map(Ok).map_err(strange);
        }
        let Why { error } = serde_json::from_slice(&body).map_err(strange)?;
        Ok(Err(Refusal { status: status.as_u16(), why: error }))
    }

    async fn exchange(&self, method: &str, target: &str) -> Result<(StatusCode, Bytes), Stop> {
        let path = escape::path(&self.path);
        let stream = UnixStream::connect(&self.path).await.map_err(|error| {
            Stop::unknown(match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    format!("{path}: permission denied; run this as root or as the user of the daemon")
                }
                io::ErrorKind::ConnectionRefused => {
                    format!("{path}: nobody answers there; is the daemon (\"mta-sts serve\") running?")
                }
                io::ErrorKind::NotFound => format!(
                    "{path}: there is no such socket; is the daemon (\"mta-sts serve\") running, and is this its admin socket?"
                ),
                _ => format!("{path}: {}", in_words(&error)),
            })
        })?;
        let answered = http::exchange(stream, method, target, MAX_ANSWER).await;
        answered.map_err(|trouble| Stop::unknown(format!("{path}: {}", trouble.words())))
    }
}

/// As the configuration of the daemon has it: `unix:/path`.
fn unprefixed(given: &Path) -> PathBuf {
    given.to_str().and_then(|given| given.strip_prefix("unix:")).map_or_else(|| given.to_owned(), PathBuf::from)
}

/// Where the daemon has its socket unless told otherwise.
fn usual() -> Vec<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // systemd gives several directories with colons between them; the first is the daemon's.
    let first = |path: PathBuf| path.to_str().and_then(|path| path.split(':').next()).map(PathBuf::from);
    let home = || {
        let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
        state.map(|state| state.join("mta-sts"))
    };
    let directories = [
        variable("RUNTIME_DIRECTORY").and_then(first),
        Some("/run/mta-sts".into()),
        variable("STATE_DIRECTORY").and_then(first),
        Some("/var/lib/mta-sts".into()),
        home(),
    ];
    directories.into_iter().flatten().map(|directory| directory.join("admin.sock")).collect()
}
