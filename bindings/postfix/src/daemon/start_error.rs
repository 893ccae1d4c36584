//! Why a daemon does not start.

use super::sockets::InheritError;
use crate::{admin::NotUnix, http::NotLoopback, listener::ListenError, overrides::OverrideError};
use core::{error::Error, fmt};
use mta_sts::{BuildError, StoreError};
use std::{io, path::PathBuf};

/// Why a daemon does not start, or does not take a new configuration.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A file that a key names cannot be read; the key comes first.
    File(&'static str, PathBuf, io::Error),
    /// A socket that the service manager passed.
    Inherit(InheritError),
    /// A socket cannot be opened.
    Listen(ListenError),
    /// Nobody could ask.
    NoListener,
    /// The user or group of a key does not exist.
    NoSuchName(&'static str, String),
    /// An override cannot be applied.
    Override(OverrideError),
    /// Metrics would be served to other machines.
    NotLoopback(NotLoopback),
    /// The admin socket that the service manager passed is none.
    NotUnix(NotUnix),
    /// There is no resolver; the file that is at fault, if one is.
    Resolver(BuildError, Option<PathBuf>),
    /// The signals cannot be waited for.
    Signals(io::Error),
    /// The state directory cannot be made.
    StateDir(PathBuf, io::Error),
    /// The store cannot be opened; its place comes first.
    Store(String, StoreError),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &PathBuf| path.display().to_string().escape_debug().to_string();
        match self {
            Self::File(key, path, error) => write!(f, "{key}: cannot read {}: {error}", shown(path)),
            Self::Inherit(error) => write!(f, "{error}"),
            Self::Listen(error) => write!(f, "{error}"),
            Self::NoListener => f.write_str(
                "nothing to listen on: server.listen is empty and systemd passed no socket; \
                 name a socket such as \"127.0.0.1:8461\"",
            ),
            Self::NoSuchName(key, name) => {
                write!(f, "{key}: \"{}\" is not known on this machine", name.escape_debug())
            }
            Self::NotLoopback(error) => write!(f, "server.http: {error}"),
            Self::NotUnix(error) => write!(f, "server.admin: {error}"),
            Self::Override(error) => write!(f, "{error}"),
            Self::Resolver(error, Some(file)) => write!(f, "{}: {error}", shown(file)),
            Self::Resolver(error, None) => write!(f, "{error}"),
            Self::Signals(error) => write!(f, "cannot wait for signals: {error}"),
            Self::StateDir(path, error) => {
                write!(f, "cannot make the state directory {}: {error}; name another by --state-dir", shown(path))
            }
            Self::Store(place, error) => write!(f, "cannot open the policy store {}: {error}", place.escape_debug()),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(_, _, error) | Self::Signals(error) | Self::StateDir(_, error) => Some(error),
            Self::Inherit(error) => Some(error),
            Self::Listen(error) => Some(error),
            Self::Resolver(error, _) => Some(error),
            Self::Store(_, error) => Some(error),
            Self::NotLoopback(error) => Some(error),
            Self::NotUnix(error) => Some(error),
            Self::Override(error) => Some(error),
            Self::NoListener | Self::NoSuchName(..) => None,
        }
    }
}

impl From<ListenError> for StartError {
    fn from(error: ListenError) -> Self {
        Self::Listen(error)
    }
}

impl From<NotLoopback> for StartError {
    fn from(error: NotLoopback) -> Self {
        Self::NotLoopback(error)
    }
}

impl From<NotUnix> for StartError {
    fn from(error: NotUnix) -> Self {
        Self::NotUnix(error)
    }
}
