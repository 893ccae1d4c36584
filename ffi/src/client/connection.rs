//! The connection: a local stream socket that never blocks, and who is at its other end.

use super::question::Problem;
use crate::{
    codes::MTASTS_E_VALUE,
    guard::{Result, owned_fd, peer_uid},
};
use core::time::Duration;
use rustix::{
    buffer::spare_capacity,
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio},
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send, socket_with,
        sockopt::{socket_domain, socket_type},
    },
};
use std::{
    ffi::CString,
    os::fd::{AsFd, OwnedFd},
    process,
};

/// Most replies come in one piece of this size.
const PIECE: usize = 4096;

/// Where the daemon listens.
pub(super) struct Address {
    socket: SocketAddrUnix,
    pub(super) name: String,
}

impl Address {
    pub(super) fn new(path: &[u8]) -> Option<Self> {
        let name = String::from_utf8_lossy(path).into_owned();
        let path = CString::new(path).ok().filter(|_| path.starts_with(b"/"))?;
        Some(Self { socket: SocketAddrUnix::new(path.as_c_str()).ok()?, name })
    }
}

pub(super) struct Connection {
    pub(super) socket: OwnedFd,
    /// Who has opened the other end; `None` if nobody did.
    peer_uid: Option<u32>,
    /// The process that has asked over it.
    used_by: Option<u32>,
}

impl Connection {
    /// Connects. `None`: the daemon's queue is full, so later.
    pub(super) fn open(address: &Address) -> core::result::Result<Option<Self>, Problem> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(text)?;
        match connect(&socket, &address.socket) {
            Ok(()) => Ok(Some(Self::new(socket))),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(text(error)),
        }
    }

    /// Takes over a connected socket.
    pub(super) fn from_fd(fd: i32) -> Result<Self> {
        let prepare = |socket: &OwnedFd| -> rustix::io::Result<()> {
            if socket_domain(socket)? != AddressFamily::UNIX || socket_type(socket)? != SocketType::STREAM {
                return Err(Errno::INVAL);
            }
            fcntl_setfd(socket, FdFlags::CLOEXEC)?;
            ioctl_fionbio(socket, true)
        };
        owned_fd(fd, |socket| prepare(socket).map_err(|_| MTASTS_E_VALUE)).map(Self::new)
    }

    fn new(socket: OwnedFd) -> Self {
        let peer_uid = peer_uid(socket.as_fd());
        Self { socket, peer_uid, used_by: None }
    }

    /// Whether root, or the user that was set, has opened the other end.
    pub(super) fn is_trusted(&self, configured: Option<u32>) -> bool {
        self.peer_uid.is_some_and(|uid| uid == 0 || Some(uid) == configured)
    }

    /// Whether another process has asked over it, which may still read the answers.
    pub(super) fn is_foreign(&self) -> bool {
        self.used_by.is_some_and(|user| user != process::id())
    }

    /// Whether nothing has arrived, not even its end. Before a question nothing may.
    pub(super) fn is_silent(&self) -> bool {
        let mut sockets = [PollFd::new(&self.socket, PollFlags::IN)];
        poll(&mut sockets, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) == Ok(0)
    }

    /// Sends some octets at least, unless it would have to wait.
    pub(super) fn send(&mut self, octets: &[u8]) -> rustix::io::Result<usize> {
        self.used_by = Some(process::id());
        send(&self.socket, octets, SendFlags::NOSIGNAL)
    }

    /// Appends what has arrived. 0: the connection has ended.
    pub(super) fn receive(&self, into: &mut Vec<u8>) -> rustix::io::Result<usize> {
        into.reserve(PIECE);
        Ok(recv(&self.socket, spare_capacity(into), RecvFlags::empty())?.0)
    }
}

/// Waits until something happens at the connection, or the time is over. It may also return for no
/// reason.
pub(super) fn wait(connection: Option<&Connection>, for_reply: bool, at_most: Duration) {
    let timeout = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: at_most.subsec_nanos().into() };
    let events = if for_reply { PollFlags::IN } else { PollFlags::OUT };
    let mut socket = connection.map(|connection| PollFd::new(&connection.socket, events));
    // What fails here fails again where it is noticed.
    let _ = poll(socket.as_mut_slice(), Some(&timeout));
}

/// What went wrong, for an administrator.
pub(super) fn text(error: Errno) -> Problem {
    match error {
        Errno::ACCESS | Errno::PERM => "permission denied".into(),
        Errno::CONNREFUSED => "connection refused: is mta-sts serve running?".into(),
        Errno::CONNRESET | Errno::PIPE => "the daemon closed the connection".into(),
        Errno::MFILE | Errno::NFILE => "too many open files".into(),
        Errno::NOENT => "no such file: is mta-sts serve running?".into(),
        Errno::NOTCONN => "the socket handed in is not connected".into(),
        Errno::NOTDIR => "a part of the path is no directory".into(),
        Errno::PROTOTYPE => "it is no stream socket".into(),
        other => ["system error ", &other.raw_os_error().to_string()].concat().into(),
    }
}
