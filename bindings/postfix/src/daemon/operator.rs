//! The sockets of the operator: metrics and health over HTTP, and the admin socket.

use super::{Environment, Reloader, StartError, current::Current};
use crate::{
    config::{Admin, Config},
    listener::{Listener, UnixSocketOptions},
};
use std::path::PathBuf;
use tokio::net::UnixListener;

/// Only this user and root.
const ADMIN_MODE: u32 = 0o600;

/// What serves the operator. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Operator;

/// Starts what serves the operator.
///
/// To be filled with the servers of [`sockets`], which are to be opened here: they answer from
/// `current`, and reload by `reloader`. Until then none are opened.
pub(super) async fn start_operations(
    config: &Config,
    environment: &mut Environment,
    current: &Current,
    reloader: &Reloader,
) -> Result<Operator, StartError> {
    let _ = (config, environment, current.resolver(), reloader);
    Ok(Operator)
}

/// The sockets of the operator, those that there are to be.
#[derive(Debug)]
#[non_exhaustive]
pub struct OperatorSockets {
    /// For metrics and health: TCP on loopback.
    pub http: Option<Listener>,
    /// For administration: a unix socket of mode 0600, or the one that the service manager passed.
    pub admin: Option<Listener>,
}

/// Opens the sockets of the operator.
///
/// # Errors
/// [`StartError::Listen`].
pub async fn sockets(config: &Config, environment: &mut Environment) -> Result<OperatorSockets, StartError> {
    let http = config.server.http.map(Listener::tcp).transpose()?;
    let admin = match (environment.inherited.admin(), admin_path(config, environment)) {
        (Some(passed), _) => {
            let listen = || {
                passed.set_nonblocking(true)?;
                UnixListener::from_std(passed)
            };
            Some(listen().map_err(|error| crate::ListenError::Io("admin".to_owned(), error))?.into())
        }
        (None, Some(path)) => {
            Some(Listener::unix(&UnixSocketOptions { mode: ADMIN_MODE, ..UnixSocketOptions::new(path) }).await?)
        }
        (None, None) => None,
    };
    Ok(OperatorSockets { http, admin })
}

/// Where the admin socket is, if there is to be one.
#[must_use]
pub fn admin_path(config: &Config, environment: &Environment) -> Option<PathBuf> {
    let directory = environment.runtime_dir.as_ref().unwrap_or(&environment.state_dir);
    match &config.server.admin {
        Admin::Default => Some(directory.join("admin.sock")),
        Admin::Off => None,
        Admin::At(path) => Some(path.clone()),
    }
}
