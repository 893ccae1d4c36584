//! Clients to look at the lab with.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use mta_sts_lab::Lab;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n";
pub const POLICY_PATH: &str = mta_sts_lab::WELL_KNOWN;

/// A client that trusts the lab's root and nothing else.
pub fn client_config(lab: &Lab) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(lab.ca_pem().as_bytes()).unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

pub async fn handshake(config: ClientConfig, stream: TcpStream, host: &str) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

pub async fn https(lab: &Lab, address: IpAddr, host: &str) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect((address, lab.https_port())).await?;
    handshake(client_config(lab), stream, host).await
}

/// What rustls says of a failed handshake.
pub fn tls_error(error: &io::Error) -> &rustls::Error {
    error.get_ref().and_then(|inner| inner.downcast_ref()).unwrap_or_else(|| panic!("no TLS error: {error}"))
}

/// All that came, and how the connection ended.
pub struct Fetched {
    pub text: String,
    pub end: io::Result<()>,
}

impl Fetched {
    pub fn head(&self) -> &str {
        self.text.split_once("\r\n\r\n").unwrap().0
    }

    pub fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").unwrap().1
    }
}

/// Fetches a path with the least of HTTP, so that nothing is hidden by a library.
pub async fn fetch(lab: &Lab, host: &str, path: &str) -> io::Result<Fetched> {
    request(lab, "GET", host, path).await
}

pub async fn request(lab: &Lab, method: &str, host: &str, path: &str) -> io::Result<Fetched> {
    let mut tls = https(lab, [127, 0, 0, 1].into(), host).await?;
    tls.write_all(format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: test\r\n\r\n").as_bytes()).await?;
    let mut octets = Vec::new();
    let end = tls.read_to_end(&mut octets).await.map(drop);
    Ok(Fetched { text: String::from_utf8_lossy(&octets).into_owned(), end })
}
