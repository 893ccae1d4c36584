//! The sockets that are asked on: those of the configuration, and those of the service manager.

use super::StartError;
use crate::{
    config::{Listen, Server as ServerConfig},
    listener::{Listener, UnixSocketOptions},
    server::Server,
    service::Service,
};
use core::{error::Error, fmt};
use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use std::{env, io, net, os::unix};
use tokio::{
    net::{TcpListener, UnixListener},
    task,
};

/// The name by which the service manager passes the admin socket.
const ADMIN: &str = "admin";

/// Sockets that the service manager opened before it started this process: sd_listen_fds(3).
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<Passed>,
    admin: Option<unix::net::UnixListener>,
}

#[derive(Debug)]
enum Passed {
    Tcp(net::TcpListener),
    Unix(unix::net::UnixListener),
}

impl Inherited {
    /// Takes them as the environment says. To be called once, before there are threads: the
    /// variables are taken away, so that no other program takes the sockets for its own.
    ///
    /// # Errors
    /// [`InheritError`] if one is no listening stream socket.
    pub fn take() -> Result<Self, InheritError> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut passed = ListenFd::from_env();
        let mut inherited = Self::default();
        for index in 0..passed.len() {
            let name = names.next().unwrap_or_default().to_owned();
            let bad = |name: &str| InheritError { index, name: name.to_owned() };
            if name == ADMIN {
                let socket = passed.take_unix_listener(index).ok().flatten().ok_or_else(|| bad(&name))?;
                if !socket_acceptconn(&socket).unwrap_or(false) {
                    return Err(bad(&name));
                }
                inherited.admin = Some(socket);
                continue;
            }
            let socket = match passed.take_unix_listener(index) {
                Ok(Some(socket)) => Passed::Unix(socket),
                _ => match passed.take_tcp_listener(index) {
                    Ok(Some(socket)) => Passed::Tcp(socket),
                    _ => return Err(bad(&name)),
                },
            };
            if !socket.listens() {
                return Err(bad(&name));
            }
            inherited.sockets.push(socket);
        }
        Ok(inherited)
    }

    /// The admin socket, if one was passed under the name `admin`.
    pub fn admin(&mut self) -> Option<unix::net::UnixListener> {
        self.admin.take()
    }
}

impl Passed {
    fn listens(&self) -> bool {
        match self {
            Self::Tcp(socket) => socket_acceptconn(socket),
            Self::Unix(socket) => socket_acceptconn(socket),
        }
        .unwrap_or(false)
    }

    fn address(&self) -> Option<Listen> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok().map(Listen::Tcp),
            Self::Unix(socket) => Some(Listen::Unix(socket.local_addr().ok()?.as_pathname()?.to_owned())),
        }
    }

    fn into_listener(self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                TcpListener::from_std(socket)?.into()
            }
            Self::Unix(socket) => {
                socket.set_nonblocking(true)?;
                UnixListener::from_std(socket)?.into()
            }
        })
    }
}

/// Something that the service manager passed is no listening stream socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InheritError {
    index: usize,
    name: String,
}

impl fmt::Display for InheritError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, name } = self;
        let kind = if name == ADMIN { "unix" } else { "TCP or unix" };
        write!(
            f,
            "LISTEN_FDS: socket {index} (\"{}\") is no listening {kind} stream socket; the .socket unit needs ListenStream=",
            name.escape_debug()
        )
    }
}

impl Error for InheritError {}

/// The open sockets of a daemon.
#[derive(Debug)]
pub(super) struct Sockets {
    open: Vec<Open>,
    /// Not served yet.
    passed: Vec<Passed>,
}

#[derive(Debug)]
struct Open {
    /// As in the configuration.
    asked: Listen,
    /// With the port that the system chose.
    address: Listen,
    id: task::Id,
    is_passed: bool,
}

impl Sockets {
    pub(super) fn new(inherited: &mut Inherited) -> Self {
        Self { open: Vec::new(), passed: core::mem::take(&mut inherited.sockets) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn listens(&self) -> Vec<Listen> {
        self.open.iter().map(|open| open.address.clone()).collect()
    }

    /// Opens those of the configuration that are not open. If one cannot be opened, none is.
    pub(super) async fn open(
        &mut self,
        config: &ServerConfig,
        server: &mut Server,
        answerer: &Service,
    ) -> Result<(), StartError> {
        for passed in self.passed.drain(..) {
            let address = passed.address().unwrap_or_else(|| Listen::Unix("(unnamed)".into()));
            let listener =
                passed.into_listener().map_err(|error| crate::ListenError::Io(address.to_string(), error))?;
            let id = server.listen(answerer.clone(), listener);
            self.open.push(Open { asked: address.clone(), address, id, is_passed: true });
        }
        let mut opened = Vec::new();
        for asked in self.wanted(config) {
            if !self.open.iter().any(|open| open.asked == asked) {
                opened.push((listener(&asked, config).await?, asked));
            }
        }
        for (listener, asked) in opened {
            let address = listener.tcp_addr().map_or_else(|| asked.clone(), Listen::Tcp);
            let id = server.listen(answerer.clone(), listener);
            self.open.push(Open { asked, address, id, is_passed: false });
        }
        Ok(())
    }

    /// Closes those that the configuration does not name. Their connections stay.
    pub(super) async fn close_others(&mut self, config: &ServerConfig, server: &mut Server) {
        let wanted = self.wanted(config);
        let is_wanted = |open: &Open| open.is_passed || wanted.contains(&open.asked);
        let (kept, others) = core::mem::take(&mut self.open).into_iter().partition(is_wanted);
        self.open = kept;
        for other in others {
            server.close(other.id).await;
            tracing::info!(socket = %other.address, "listens there no more");
        }
    }

    /// The default is for those who say nothing and get nothing.
    fn wanted(&self, config: &ServerConfig) -> Vec<Listen> {
        let has_passed = self.open.iter().any(|open| open.is_passed);
        if config.listen.is_none() && has_passed { Vec::new() } else { config.listens() }
    }
}

async fn listener(listen: &Listen, config: &ServerConfig) -> Result<Listener, StartError> {
    let path = match listen {
        Listen::Tcp(address) => return Ok(Listener::tcp(*address)?),
        Listen::Unix(path) => path,
    };
    let id = |key, name: &Option<String>, find: fn(&str) -> Option<u32>| match name {
        Some(name) => find(name).map(Some).ok_or_else(|| StartError::NoSuchName(key, name.clone())),
        None => Ok(None),
    };
    let options = UnixSocketOptions {
        mode: config.socket_mode,
        owner: id("server.socket_owner", &config.socket_owner, user)?,
        group: id("server.socket_group", &config.socket_group, group)?,
        ..UnixSocketOptions::new(path)
    };
    Ok(Listener::unix(&options).await?)
}

/// The number of a user, who may be given by it.
pub(crate) fn user(name: &str) -> Option<u32> {
    let by_name = || uzers::get_user_by_name(name).map(|user| user.uid());
    if name.contains('\0') { None } else { name.parse().ok().or_else(by_name) }
}

/// The number of a group, which may be given by it.
pub(crate) fn group(name: &str) -> Option<u32> {
    let by_name = || uzers::get_group_by_name(name).map(|group| group.gid());
    if name.contains('\0') { None } else { name.parse().ok().or_else(by_name) }
}
