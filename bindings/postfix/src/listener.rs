//! Listening sockets: TCP and unix.

use core::{error::Error, fmt, net::SocketAddr};
use std::{
    fs, io,
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown},
    },
    path::{Path, PathBuf},
};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixSocket, UnixStream};

/// Connections that wait to be accepted; the system may allow fewer. All smtp(8) processes of a
/// machine come back at once when the server was restarted.
const BACKLOG: u32 = 4096;

/// A socket that a [`Server`](crate::Server) listens on.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    /// Removed when the listener is dropped.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Where a unix socket is, and who may connect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnixSocketOptions {
    /// The path. To a Postfix in a chroot it is under `/var/spool/postfix`.
    pub path: PathBuf,
    /// The mode; who may write may connect. Default: `0o666`, as for a socket on loopback.
    pub mode: u32,
    /// The user id of the owner. Default: that of the process.
    pub owner: Option<u32>,
    /// The group id. Default: that of the process.
    pub group: Option<u32>,
}

impl UnixSocketOptions {
    /// A socket at a path, open to all users of the machine.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), mode: 0o666, owner: None, group: None }
    }
}

impl Listener {
    /// Listens on a TCP port; with port 0 the system chooses one.
    ///
    /// # Errors
    /// [`ListenError::Io`].
    pub fn tcp(address: SocketAddr) -> Result<Self, ListenError> {
        let listen = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // A restarted server must not wait for connections of the old one to time out.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        };
        listen().map(Into::into).map_err(|e| ListenError::Io(address.to_string(), e))
    }

    /// Listens on a unix socket. One that a dead server left is replaced; the file is removed when
    /// the listener is dropped.
    ///
    /// # Errors
    /// [`ListenError`]: also if something else is at the path, or a server that answers.
    pub async fn unix(options: &UnixSocketOptions) -> Result<Self, ListenError> {
        let path = &options.path;
        remove_stale(path).await?;
        let listen = || {
            let socket = UnixSocket::new_stream()?;
            // On Linux the file gets no more than the mode of the socket: nobody else connects
            // before the owner is set. Systems that cannot do this say so, and need not.
            if let Ok(fd) = socket.as_fd().try_clone_to_owned() {
                let _ = fs::File::from(fd).set_permissions(fs::Permissions::from_mode(0o600));
            }
            socket.bind(path)?;
            let file = SocketFile::at(path)?;
            if options.owner.is_some() || options.group.is_some() {
                lchown(path, options.owner, options.group)?;
            }
            set_mode(path, options.mode)?;
            Ok(Self { socket: Socket::Unix(socket.listen(BACKLOG)?), _file: Some(file) })
        };
        listen().map_err(|e| ListenError::io(path, e))
    }

    /// The address, if it is TCP.
    #[must_use]
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<Stream> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Replies are small and waited for.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
            Socket::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

/// A socket that somebody else opened, such as systemd.
impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { socket: Socket::Tcp(listener), _file: None }
    }
}

/// A socket that somebody else opened, such as systemd; its file stays at the end.
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self { socket: Socket::Unix(listener), _file: None }
    }
}

/// An accepted connection.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// The connection, from now on in the runtime of the caller.
    pub(crate) fn into_here(self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(TcpStream::from_std(stream.into_std()?)?),
            Self::Unix(stream) => Self::Unix(UnixStream::from_std(stream.into_std()?)?),
        })
    }
}

/// Of the socket itself: somebody who may write to its directory must not direct this elsewhere.
#[cfg(target_os = "linux")]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags, open};
    let socket = fs::File::from(open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?);
    if !socket.metadata()?.file_type().is_socket() {
        return Err(io::Error::other("another file took the place of the socket"));
    }
    fs::set_permissions(format!("/proc/self/fd/{}", socket.as_raw_fd()), fs::Permissions::from_mode(mode))
}

#[cfg(not(target_os = "linux"))]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

async fn remove_stale(path: &Path) -> Result<(), ListenError> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(ListenError::io(path, e)),
        Ok(found) if !found.file_type().is_socket() => return Err(ListenError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match UnixStream::connect(path).await.map_err(|e| (e.kind(), e)) {
        Err((io::ErrorKind::ConnectionRefused, _)) => fs::remove_file(path).map_err(|e| ListenError::io(path, e)),
        Err((io::ErrorKind::NotFound, _)) => Ok(()),
        // Its queue is full.
        Ok(_) | Err((io::ErrorKind::WouldBlock, _)) => Err(ListenError::InUse(path.to_owned())),
        Err((_, e)) => Err(ListenError::io(path, e)),
    }
}

/// The file of a socket, removed at the end if it is still that one: another server may have put
/// its own there.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), device: found.dev(), inode: found.ino() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path).map(|found| (found.dev(), found.ino()));
        if found.is_ok_and(|found| found == (self.device, self.inode)) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Why a socket cannot be listened on.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListenError {
    /// A server answers at this path.
    InUse(PathBuf),
    /// The system says no; the address or path comes first.
    Io(String, io::Error),
    /// Something that is no socket is at this path. It is left alone.
    NotASocket(PathBuf),
}

impl ListenError {
    fn io(path: &Path, error: io::Error) -> Self {
        Self::Io(path.display().to_string(), error)
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(f, "{}: another server answers there; stop it first", path.display()),
            Self::Io(place, error) => write!(f, "{place}: cannot listen: {error}"),
            Self::NotASocket(path) => {
                write!(
                    f,
                    "{}: a file that is no socket is in the way; choose another path or remove it",
                    path.display()
                )
            }
        }
    }
}

impl Error for ListenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            _ => None,
        }
    }
}
