//! MX hosts, spoken to line by line.

mod common;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use common::{client_config, handshake, tls_error};
use mta_sts_lab::{Lab, MxHost, Ports, SmtpEvent, Tls};
use rustls::{CertificateError, Error};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::time::sleep;

const HOST: &str = "mx.example.com";

/// The replies to a command: its lines.
async fn say<S: AsyncRead + AsyncWrite + Unpin>(client: &mut BufStream<S>, command: &str) -> Vec<String> {
    client.write_all(command.as_bytes()).await.unwrap();
    client.flush().await.unwrap();
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await.unwrap();
        let more = line.get(3..4) == Some("-");
        lines.push(line.trim_end().to_owned());
        if !more {
            return lines;
        }
    }
}

async fn code<S: AsyncRead + AsyncWrite + Unpin>(client: &mut BufStream<S>, command: &str) -> u16 {
    say(client, command).await.last().unwrap()[..3].parse().unwrap()
}

async fn greeted(lab: &Lab, host: &str) -> BufStream<TcpStream> {
    let address = lab.world().mx_address(host).unwrap();
    let mut client = BufStream::new(TcpStream::connect((address, lab.smtp_port())).await.unwrap());
    assert_eq!(say(&mut client, "").await, [format!("220 {host} ESMTP mta-sts-lab")]);
    client
}

async fn ready_for_tls(lab: &Lab, host: &str) -> TcpStream {
    let mut client = greeted(lab, host).await;
    let offers = say(&mut client, "EHLO client.test\r\n").await;
    assert!(offers.iter().any(|line| line.ends_with("STARTTLS")));
    assert_eq!(code(&mut client, "STARTTLS\r\n").await, 220);
    client.into_inner()
}

fn events(lab: &Lab) -> Vec<SmtpEvent> {
    lab.world().smtp_log().into_iter().map(|seen| seen.event).collect()
}

async fn eventually(lab: &Lab, event: SmtpEvent) {
    for _ in 0..100 {
        if events(lab).contains(&event) {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("{event:?} is not in {:?}", events(lab));
}

#[tokio::test]
async fn a_mail_comes_through_tls() {
    let lab = Lab::start().await.unwrap();
    lab.world().mx_host(HOST, MxHost::default()).unwrap();
    let stream = ready_for_tls(&lab, HOST).await;
    let tls = handshake(client_config(&lab), stream, HOST).await.unwrap();
    let mut client = BufStream::new(tls);
    let offers = say(&mut client, "EHLO client.test\r\n").await;
    assert!(!offers.iter().any(|line| line.ends_with("STARTTLS")));
    for (command, expected) in [
        ("STARTTLS\r\n", 502),
        ("RCPT TO:<b@example.com>\r\n", 503),
        ("MAIL FROM:<a@client.test> SIZE=10\r\n", 250),
        ("DATA\r\n", 503),
        ("rcpt to:<b@example.com>\r\n", 250),
        ("RCPT TO:<c@example.com> NOTIFY=NEVER\r\n", 250),
        ("NOOP\r\n", 250),
        ("DATA\r\n", 354),
        ("Subject: x\r\n\r\n..dot\r\n.\r\n", 250),
        ("RSET\r\n", 250),
        ("VRFY x\r\n", 502),
        ("QUIT\r\n", 221),
    ] {
        assert_eq!(code(&mut client, command).await, expected, "{command}");
    }
    let mails = lab.world().mails();
    assert_eq!(mails.len(), 1);
    assert_eq!((mails[0].host.as_str(), mails[0].tls, mails[0].sni.as_deref()), (HOST, true, Some(HOST)));
    assert_eq!(
        (mails[0].from.as_str(), &mails[0].to[..]),
        ("a@client.test", &["b@example.com", "c@example.com"].map(String::from)[..])
    );
    assert_eq!(mails[0].data, b"Subject: x\r\n\r\n.dot\r\n");
    let sni = SmtpEvent::Sni(Some(HOST.to_owned()));
    let all = [SmtpEvent::Connected, SmtpEvent::StartTls, sni, SmtpEvent::TlsOk, SmtpEvent::Mail, SmtpEvent::Quit];
    assert_eq!(events(&lab), all);
}

#[tokio::test]
async fn a_host_without_starttls_takes_mail_in_plain_text() {
    let lab = Lab::start().await.unwrap();
    lab.world().mx_host(HOST, MxHost { starttls: false, ..MxHost::default() }).unwrap();
    let mut client = greeted(&lab, HOST).await;
    let offers = say(&mut client, "EHLO client.test\r\n").await;
    assert!(!offers.iter().any(|line| line.ends_with("STARTTLS")));
    assert_eq!(code(&mut client, "STARTTLS\r\n").await, 502);
    assert_eq!(code(&mut client, "HELO client.test\r\n").await, 250);
    assert_eq!(code(&mut client, "MAIL FROM:<>\r\n").await, 250);
    assert_eq!(code(&mut client, "RCPT TO:<b@example.com>\r\n").await, 250);
    assert_eq!(code(&mut client, "DATA\r\n").await, 354);
    assert_eq!(code(&mut client, "x\r\n.\r\n").await, 250);
    assert!(!lab.world().mails()[0].tls);
    assert_eq!(lab.world().mails()[0].from, "");
}

#[tokio::test]
async fn a_bad_certificate_is_shown_and_its_refusal_logged() {
    let lab = Lab::start().await.unwrap();
    lab.world().mx_host(HOST, Tls::Expired.into()).unwrap();
    let stream = ready_for_tls(&lab, HOST).await;
    let error = handshake(client_config(&lab), stream, HOST).await.unwrap_err();
    let expired = tls_error(&error);
    assert!(matches!(expired, Error::InvalidCertificate(CertificateError::ExpiredContext { .. })), "{expired:?}");
    eventually(&lab, SmtpEvent::TlsFailed).await;
}

#[tokio::test]
async fn plain_commands_sent_along_with_starttls_are_dropped() {
    let lab = Lab::start().await.unwrap();
    lab.world().mx_host(HOST, MxHost::default()).unwrap();
    let mut client = greeted(&lab, HOST).await;
    let injected = "STARTTLS\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<b@example.com>\r\n";
    assert_eq!(code(&mut client, injected).await, 220);
    let tls = handshake(client_config(&lab), client.into_inner(), HOST).await.unwrap();
    let mut client = BufStream::new(tls);
    assert_eq!(code(&mut client, "DATA\r\n").await, 503);
}

#[tokio::test]
async fn too_much_ends_the_connection() {
    let lab = Lab::start().await.unwrap();
    lab.world().mx_host(HOST, MxHost::default()).unwrap();
    let mut client = greeted(&lab, HOST).await;
    assert_eq!(code(&mut client, &"x".repeat(5000)).await, 500);
}

#[tokio::test]
async fn an_unreachable_host_refuses_and_may_come_back() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    let down = MxHost { reachable: false, ..MxHost::default() };
    let connect = async |address| TcpStream::connect((address, lab.smtp_port())).await;
    let first = world.mx_host(HOST, MxHost::default()).unwrap();
    assert_eq!(world.mx_host(HOST, Tls::Expired.into()).unwrap(), first);
    let second = world.mx_host(HOST, down.clone()).unwrap();
    assert_eq!(connect(second).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(world.mx_host(HOST, down).unwrap(), second);
    assert_eq!(world.mx_host(HOST, MxHost::default()).unwrap(), second);
    connect(second).await.unwrap();
}

#[tokio::test]
async fn each_host_has_its_own_address_and_all_have_one_port() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    let one = world.mx_host("one.example.com", MxHost::default()).unwrap();
    let two = world.mx_host("two.example.com", MxHost::default()).unwrap();
    assert_ne!(one, two);
    greeted(&lab, "one.example.com").await;
    greeted(&lab, "two.example.com").await;
    assert_eq!(world.mx_address("ONE.example.com."), Some(one));
}

#[tokio::test]
async fn a_greeting_can_be_late() {
    let lab = Lab::start().await.unwrap();
    let greeting_delay = Some(Duration::from_millis(200));
    lab.world().mx_host(HOST, MxHost { greeting_delay, ..MxHost::default() }).unwrap();
    let started = Instant::now();
    greeted(&lab, HOST).await;
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn the_tlsa_digest_is_that_of_the_key_shown() {
    let lab = Lab::start().await.unwrap();
    for tls in [Tls::Valid, Tls::SelfSigned] {
        lab.world().mx_host(HOST, tls.clone().into()).unwrap();
        let leaf = shown_leaf(&lab).await;
        // An ECDSA P-256 SubjectPublicKeyInfo: 91 octets with a fixed beginning.
        let prefix = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
        let start = leaf.windows(prefix.len()).position(|window| window == prefix).unwrap();
        let digest = ring::digest::digest(&ring::digest::SHA256, &leaf[start..start + 91]);
        assert_eq!(lab.world().tlsa_for(HOST), digest.as_ref(), "{tls:?}");
    }
    assert_eq!(lab.world().tlsa_for("unknown.example").len(), 32);
}

/// The certificate, whatever it is worth.
async fn shown_leaf(lab: &Lab) -> Vec<u8> {
    let seen = std::sync::Arc::new(Shown(std::sync::Mutex::default()));
    let mut config = client_config(lab);
    config.dangerous().set_certificate_verifier(seen.clone());
    let stream = ready_for_tls(lab, HOST).await;
    // It fails, as the verifier only looks.
    handshake(config, stream, HOST).await.unwrap_err();
    seen.0.lock().unwrap().clone()
}

#[derive(Debug)]
struct Shown(std::sync::Mutex<Vec<u8>>);

impl rustls::client::danger::ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        leaf: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, Error> {
        *self.0.lock().unwrap() = leaf.to_vec();
        Err(Error::General("seen".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        Err(Error::General("not reached".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        Err(Error::General("not reached".to_owned()))
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        vec![rustls::SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

#[tokio::test]
async fn dropping_the_lab_stops_all_its_servers() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world().clone();
    let address = world.mx_host(HOST, MxHost::default()).unwrap();
    let mut client = greeted(&lab, HOST).await;
    let (smtp, https, dns) = (lab.smtp_port(), lab.https_port(), lab.dns_addr());
    drop(lab);
    sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect((address, smtp)).await.is_err());
    assert!(TcpStream::connect(("127.0.0.1", https)).await.is_err());
    assert!(TcpStream::connect(dns).await.is_err());
    let mut line = String::new();
    assert!(!matches!(client.read_line(&mut line).await, Ok(1..)));
    assert!(world.mx_host(HOST, MxHost::default()).is_err());
}

#[tokio::test]
async fn fixed_ports_are_used_and_not_shared() {
    let lab = Lab::start().await.unwrap();
    let ports = Ports { dns: lab.dns_addr().port(), https: lab.https_port(), smtp: lab.smtp_port() };
    assert!(Lab::start_with(ports).await.is_err());
    assert!(Lab::start_with(Ports { smtp: ports.smtp, ..Ports::default() }).await.is_err());
    drop(lab);
    sleep(Duration::from_millis(100)).await;
}
