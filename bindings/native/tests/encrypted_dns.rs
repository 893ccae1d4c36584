//! DNS over TLS (RFC 7858) and over HTTPS (RFC 8484): fronts that pass on to the lab's name server.
#![allow(missing_docs)]

mod common;

use common::{builder, enforce};
use mta_sts::{Decision, Failure, Freshness, NameServer, Resolver};
use mta_sts_lab::Lab;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

const NAME: &str = "dns.test";

/// A CA, and a TLS server with a certificate for `dns.test`.
fn tls(alpn: &[u8]) -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    config.alpn_protocols = vec![alpn.to_vec()];
    (ca.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// One DNS message by TCP to the lab.
async fn ask(lab: SocketAddr, question: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(lab).await.unwrap();
    stream.write_u16(u16::try_from(question.len()).unwrap()).await.unwrap();
    stream.write_all(question).await.unwrap();
    let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
    stream.read_exact(&mut answer).await.unwrap();
    answer
}

/// DNS over TLS is DNS over TCP inside TLS.
async fn serve_tls(lab: SocketAddr, listener: TcpListener, tls: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let tls = tls.clone();
        tokio::spawn(async move {
            let Ok(mut client) = tls.accept(stream).await else { return };
            let mut server = TcpStream::connect(lab).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

/// DNS over HTTPS by POST.
async fn serve_https(lab: SocketAddr, listener: TcpListener, tls: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let tls = tls.clone();
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                tokio::spawn(async move {
                    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/dns-query"));
                    let mut body = request.into_body();
                    let mut question = Vec::new();
                    while let Some(Ok(piece)) = body.data().await {
                        question.extend_from_slice(&piece);
                    }
                    let answer = ask(lab, &question).await;
                    let head = http::Response::builder()
                        .header("content-type", "application/dns-message")
                        .header("content-length", answer.len());
                    let mut sent = respond.send_response(head.body(()).unwrap(), false).unwrap();
                    sent.send_data(answer.into(), true).unwrap();
                });
            }
        });
    }
}

fn resolver(lab: &Lab, ca: &str, server: &str) -> Resolver {
    let server: NameServer = server.parse().unwrap();
    let builder = builder(lab).name_servers([server]).freshness(Freshness::Checked);
    builder.extra_ca_pem(ca.as_bytes()).unwrap().build().unwrap()
}

#[tokio::test]
async fn policies_are_found_by_dns_over_tls() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "mx.a.test");
    let (ca, tls) = tls(b"dot");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve_tls(lab.dns_addr(), listener, tls));
    let answer = resolver(&lab, &ca, &format!("tls://{address}#{NAME}")).resolve("a.test").await.unwrap();
    assert!(matches!(answer.decision, Decision::Enforce(_)), "{answer:?}");
    // The name server must show a certificate for its name.
    let answer = resolver(&lab, &ca, &format!("tls://{address}#other.test")).resolve("a.test").await.unwrap();
    assert_eq!((answer.decision, answer.failure), (Decision::NoPolicy, Some(Failure::DnsTemporary)));
}

#[tokio::test]
async fn policies_are_found_by_dns_over_https() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "mx.a.test");
    let (ca, tls) = tls(b"h2");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve_https(lab.dns_addr(), listener, tls));
    let answer = resolver(&lab, &ca, &format!("https://{address}/dns-query#{NAME}")).resolve("a.test").await.unwrap();
    assert!(matches!(answer.decision, Decision::Enforce(_)), "{answer:?}");
    let answer =
        resolver(&lab, &ca, &format!("https://{address}/dns-query#other.test")).resolve("a.test").await.unwrap();
    assert_eq!((answer.decision, answer.failure), (Decision::NoPolicy, Some(Failure::DnsTemporary)));
}
