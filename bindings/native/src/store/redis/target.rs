//! Where the server is, and how to get a connection to it.

use super::{link::ANSWER, options::RedisOptions};
use crate::{
    store::StoreError,
    tls::{Trust, certificates},
};
use core::fmt;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo, RedisConnectionInfo,
    aio::MultiplexedConnection,
};
use rustls::{ClientConfig, pki_types::ServerName};
use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// A connection, and what drives it.
pub(super) struct Connected {
    pub(super) connection: MultiplexedConnection,
    pub(super) driver: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// The server, or the sentinels that know which one it is.
pub(super) struct Target {
    server: Server,
    sentinels: Vec<Server>,
    master: String,
}

#[derive(Clone)]
struct Server {
    address: Address,
    settings: RedisConnectionInfo,
    tls: Option<Arc<ClientConfig>>,
}

#[derive(Clone)]
enum Address {
    Tcp(String, u16),
    Unix(PathBuf),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Target {
    pub(super) fn new(options: &RedisOptions) -> Result<Self, StoreError> {
        let RedisOptions { url, sentinels, master, ca_pem, .. } = options;
        let mut tls = None;
        let mut server = |url: &str| Server::new(url, ca_pem.as_deref(), &mut tls);
        let target = Self {
            server: server(url)?,
            sentinels: sentinels.iter().map(|url| server(url)).collect::<Result<_, _>>()?,
            master: master.clone().unwrap_or_default(),
        };
        if target.sentinels.is_empty() != target.master.is_empty() {
            return Err(failed("Redis sentinels need the name of their master, and the other way round"));
        }
        Ok(target)
    }

    pub(super) async fn connect(&self) -> Result<Connected, StoreError> {
        if self.sentinels.is_empty() {
            return self.server.connect().await;
        }
        let (host, port) = self.ask_sentinels().await?;
        let server = Server { address: Address::Tcp(host, port), ..self.server.clone() };
        server.connect().await
    }

    /// Whether the server is still the right one. It must answer at all.
    pub(super) async fn check(&self, connection: &mut MultiplexedConnection) -> Result<(), StoreError> {
        if self.sentinels.is_empty() {
            return redis::cmd("PING").query_async(connection).await.map_err(|error| failed(&error));
        }
        let role: Vec<redis::Value> =
            redis::cmd("ROLE").query_async(connection).await.map_err(|error| failed(&error))?;
        let role = role.into_iter().next().and_then(|role| String::from_redis_value(role).ok());
        if role.as_deref() == Some("master") { Ok(()) } else { Err(failed("the Redis server is no longer the master")) }
    }

    /// The address of the master, from the first sentinel that knows it.
    async fn ask_sentinels(&self) -> Result<(String, u16), StoreError> {
        let mut why = failed("no Redis sentinel is known");
        for sentinel in &self.sentinels {
            match tokio::time::timeout(ANSWER, self.ask(sentinel)).await {
                Ok(Ok(address)) => return Ok(address),
                Ok(Err(error)) => why = error,
                Err(_) => why = failed(format_args!("the Redis sentinel at {} does not answer", sentinel.address)),
            }
        }
        Err(why)
    }

    async fn ask(&self, sentinel: &Server) -> Result<(String, u16), StoreError> {
        let Connected { mut connection, driver } = sentinel.connect().await?;
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master);
        let answer = tokio::select! {
            answer = ask.query_async::<Option<(String, u16)>>(&mut connection) => answer,
            () = driver => return Err(failed(format_args!("the Redis sentinel at {} hung up", sentinel.address))),
        };
        let master = || format!("the Redis sentinel at {} does not know {:?}", sentinel.address, self.master);
        answer.map_err(|error| failed(&error))?.ok_or_else(|| failed(master()))
    }
}

impl Server {
    fn new(url: &str, ca_pem: Option<&[u8]>, tls: &mut Option<Arc<ClientConfig>>) -> Result<Self, StoreError> {
        // The crate knows `rediss:` only with TLS of its own, which is that of the whole process.
        let plain = url.strip_prefix("rediss:").or_else(|| url.strip_prefix("valkeys:"));
        let with_tls = plain.is_some();
        let info = match plain {
            Some(rest) => format!("redis:{rest}").into_connection_info(),
            None => url.into_connection_info(),
        };
        // Not what it says: there may be a password in it.
        let info: ConnectionInfo =
            info.map_err(|error| failed(format_args!("the URL of the Redis server is not valid: {error}")))?;
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Address::Tcp(host.clone(), *port),
            ConnectionAddr::Unix(path) => Address::Unix(path.clone()),
            _ => return Err(failed("the URL of the Redis server is of an unknown kind")),
        };
        if with_tls && tls.is_none() {
            *tls = Some(Arc::new(tls_config(ca_pem)?));
        }
        let tls = tls.clone().filter(|_| with_tls);
        Ok(Self { address, settings: info.redis_settings().clone(), tls })
    }

    async fn connect(&self) -> Result<Connected, StoreError> {
        let stream = self.stream().await?;
        // Each call has a deadline of its own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let connecting = MultiplexedConnection::new_with_config(&self.settings, stream, config);
        let (connection, driver) = connecting.await.map_err(|error| self.failed(&error))?;
        Ok(Connected { connection, driver: Box::pin(driver) })
    }

    async fn stream(&self) -> Result<Box<dyn Stream>, StoreError> {
        let (host, port) = match &self.address {
            Address::Tcp(host, port) => (host.as_str(), *port),
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await.map_err(|error| self.failed(&error))?;
                return Ok(Box::new(stream));
            }
            #[cfg(not(unix))]
            Address::Unix(_) => return Err(failed("there are no unix sockets here")),
        };
        let stream = TcpStream::connect((host, port)).await.map_err(|error| self.failed(&error))?;
        stream.set_nodelay(true).map_err(|error| self.failed(&error))?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| self.failed(&error))?;
        let stream =
            TlsConnector::from(tls.clone()).connect(name, stream).await.map_err(|error| self.failed(&error))?;
        Ok(Box::new(stream))
    }

    fn failed(&self, why: &dyn fmt::Display) -> StoreError {
        failed(format_args!("Redis at {}: {why}", self.address))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

fn tls_config(ca_pem: Option<&[u8]>) -> Result<ClientConfig, StoreError> {
    let extra = ca_pem.map(certificates).transpose().map_err(failed)?.unwrap_or_default();
    let trust = Trust::load(extra, ca_pem.is_some()).map_err(failed)?;
    trust.client_config(&[]).map_err(failed)
}

pub(super) fn failed(why: impl fmt::Display) -> StoreError {
    StoreError::Failed(why.to_string())
}
