//! The server's side of a TLS handshake, which may be made to fail.

use std::io;
use std::time::Duration;

use rustls::server::Acceptor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use crate::Tls;
use crate::pki::Authority;

const PATIENCE: Duration = Duration::from_secs(30);

/// A client that has sent its `ClientHello` and waits.
pub(crate) struct Hello {
    start: StartHandshake<TcpStream>,
    /// The server name it asks for, in lower case.
    pub(crate) sni: Option<String>,
}

/// A fatal alert (RFC 8446 §6.2).
#[derive(Clone, Copy)]
pub(crate) enum Alert {
    HandshakeFailure = 40,
    ProtocolVersion = 70,
    UnrecognizedName = 112,
}

impl Hello {
    pub(crate) async fn read(stream: TcpStream) -> io::Result<Self> {
        let start = timeout(PATIENCE, LazyConfigAcceptor::new(Acceptor::default(), stream)).await??;
        let sni = start.client_hello().server_name().map(str::to_ascii_lowercase);
        Ok(Self { start, sni })
    }

    /// Does what `tls` says for `host`; `None` if that, or the client, ends the handshake.
    pub(crate) async fn answer(
        self,
        authority: &Authority,
        host: &str,
        tls: &Tls,
        alpn: &[&[u8]],
    ) -> Option<TlsStream<TcpStream>> {
        let refusal = match tls {
            Tls::Tls11Only => Some(Alert::ProtocolVersion),
            Tls::HandshakeFailure => Some(Alert::HandshakeFailure),
            Tls::ChosenBySni { sni } if !self.asks_for(sni) => Some(Alert::UnrecognizedName),
            _ => None,
        };
        if let Some(alert) = refusal {
            self.refuse(alert).await;
            return None;
        }
        let config = authority.identity(host, tls).ok()?.server_config(alpn).ok()?;
        timeout(PATIENCE, self.start.into_stream(config)).await.ok()?.ok()
    }

    pub(crate) async fn refuse(self, alert: Alert) {
        const ALERT_RECORD: u8 = 21;
        const FATAL: u8 = 2;
        let minor_version = match alert {
            Alert::ProtocolVersion => 2,
            _ => 3,
        };
        let mut stream = self.start.io;
        let record = [ALERT_RECORD, 3, minor_version, 0, 2, FATAL, alert as u8];
        if stream.write_all(&record).await.is_ok() {
            close(&mut stream).await;
        }
    }

    fn asks_for(&self, name: &str) -> bool {
        self.sni.as_deref().is_some_and(|sni| sni.eq_ignore_ascii_case(name))
    }
}

/// Closes so that the client gets all that was written: with unread input the kernel would send a reset at once.
pub(crate) async fn close(stream: &mut TcpStream) {
    const LINGER: Duration = Duration::from_secs(1);
    const MOST_READS: usize = 64;
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut unread = [0; 1024];
    let drain = async {
        for _ in 0..MOST_READS {
            match stream.read(&mut unread).await {
                Ok(1..) => {}
                _ => return,
            }
        }
    };
    // Whoever is not done by then has had the answer long since.
    let _ = timeout(LINGER, drain).await;
}
