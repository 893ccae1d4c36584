//! Each kind of certificate, as rustls judges it.

mod common;

use common::{client_config, fetch, handshake, https, tls_error};
use mta_sts_lab::{Lab, PolicyHost, San, Tls};
use rustls::CertificateError::{self, InvalidPurposeContext};
use rustls::{AlertDescription, Error};
use tokio::net::TcpStream;

const HOST: &str = "mta-sts.example.com";

async fn verdict(tls: Tls) -> Result<(), Error> {
    let lab = Lab::start().await.unwrap();
    lab.world().policy_host(HOST, PolicyHost { tls, ..PolicyHost::serving(common::POLICY) });
    match fetch(&lab, HOST, common::POLICY_PATH).await {
        Ok(fetched) => {
            assert_eq!(fetched.body(), common::POLICY);
            Ok(())
        }
        Err(error) => {
            assert!(lab.world().http_log().is_empty());
            Err(tls_error(&error).clone())
        }
    }
}

async fn bad_certificate(tls: Tls) -> CertificateError {
    match verdict(tls.clone()).await {
        Err(Error::InvalidCertificate(error)) => error,
        other => panic!("{tls:?}: {other:?}"),
    }
}

async fn named(san: &[San]) -> Result<(), Error> {
    verdict(Tls::Names { san: san.to_vec(), cn: None }).await
}

async fn is_wrong_name(tls: Tls) {
    match bad_certificate(tls.clone()).await {
        CertificateError::NotValidForNameContext { .. } => {}
        other => panic!("{tls:?}: {other:?}"),
    }
}

fn dns(name: &str) -> San {
    San::Dns(name.to_owned())
}

#[tokio::test]
async fn a_valid_certificate_is_accepted() {
    verdict(Tls::Valid).await.unwrap();
    verdict(Tls::Revoked).await.unwrap();
}

#[tokio::test]
async fn a_certificate_out_of_date_is_refused_for_that() {
    let expired = bad_certificate(Tls::Expired).await;
    assert!(matches!(expired, CertificateError::ExpiredContext { .. }), "{expired:?}");
    let early = bad_certificate(Tls::NotYetValid).await;
    assert!(matches!(early, CertificateError::NotValidYetContext { .. }), "{early:?}");
    let issuer = bad_certificate(Tls::ExpiredIntermediate).await;
    assert!(matches!(issuer, CertificateError::ExpiredContext { .. }), "{issuer:?}");
}

#[tokio::test]
async fn a_chain_that_does_not_reach_the_root_has_an_unknown_issuer() {
    for tls in [Tls::SelfSigned, Tls::UnknownCa, Tls::MissingIntermediate] {
        let error = bad_certificate(tls.clone()).await;
        assert_eq!(error, CertificateError::UnknownIssuer, "{tls:?}");
    }
}

#[tokio::test]
async fn an_issuer_that_may_not_issue_is_refused() {
    let not_ca = bad_certificate(Tls::IssuerNotCa).await;
    assert!(format!("{not_ca:?}").contains("EndEntityUsedAsCa"), "{not_ca:?}");
    let constrained = bad_certificate(Tls::NameConstraints).await;
    assert!(format!("{constrained:?}").contains("NameConstraintViolation"), "{constrained:?}");
}

#[tokio::test]
async fn a_client_certificate_does_not_serve() {
    let error = bad_certificate(Tls::ClientAuthOnly).await;
    assert!(matches!(error, InvalidPurposeContext { .. }), "{error:?}");
}

#[tokio::test]
async fn names_are_those_given_and_no_others() {
    named(&[dns(HOST)]).await.unwrap();
    named(&[dns("MTA-STS.Example.COM")]).await.unwrap();
    named(&[dns("*.example.com")]).await.unwrap();
    named(&[dns("other.example.net"), dns(HOST)]).await.unwrap();
    for name in ["other.example.net", "example.com", "*.*.com", "mta-sts.*.com", "mta-sts.example.com\0.evil.net"] {
        let error = named(&[dns(name)]).await;
        assert!(matches!(error, Err(Error::InvalidCertificate(_))), "{name}: {error:?}");
    }
    let address = San::Ip([192, 0, 2, 1].into());
    let others = [address, San::Uri(format!("https://{HOST}")), San::Email(format!("postmaster@{HOST}"))];
    is_wrong_name(Tls::Names { san: others.to_vec(), cn: None }).await;
    is_wrong_name(Tls::Names { san: vec![], cn: Some(HOST.to_owned()) }).await;
    is_wrong_name(Tls::Names { san: vec![dns("www.example.com")], cn: Some(HOST.to_owned()) }).await;
}

#[tokio::test]
async fn a_certificate_for_an_address_is_good_for_that_address() {
    let lab = Lab::start().await.unwrap();
    let tls = Tls::Names { san: vec![San::Ip([192, 0, 2, 1].into())], cn: None };
    let address = lab.world().mx_host("mx.example.com", tls.into()).unwrap();
    let stream = common_smtp(&lab, address.into()).await;
    handshake(client_config(&lab), stream, "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn handshakes_are_refused_with_the_alert_of_their_kind() {
    let old = verdict(Tls::Tls11Only).await;
    assert_eq!(old, Err(Error::AlertReceived(AlertDescription::ProtocolVersion)));
    let failure = verdict(Tls::HandshakeFailure).await;
    assert_eq!(failure, Err(Error::AlertReceived(AlertDescription::HandshakeFailure)));
}

#[tokio::test]
async fn only_the_chosen_server_name_gets_the_certificate() {
    let chosen = |sni: &str| Tls::ChosenBySni { sni: sni.to_owned() };
    verdict(chosen("MTA-STS.example.com")).await.unwrap();
    let refused = verdict(chosen("other.example.com")).await;
    assert_eq!(refused, Err(Error::AlertReceived(AlertDescription::UnrecognisedName)));
}

#[tokio::test]
async fn an_unknown_or_absent_server_name_is_refused_and_logged() {
    let lab = Lab::start().await.unwrap();
    lab.world().policy_host(HOST, PolicyHost::serving(common::POLICY));
    let unknown = https(&lab, [127, 0, 0, 1].into(), "unknown.example").await.unwrap_err();
    assert_eq!(tls_error(&unknown), &Error::AlertReceived(AlertDescription::UnrecognisedName));

    let mut silent = client_config(&lab);
    silent.enable_sni = false;
    let stream = TcpStream::connect(("127.0.0.1", lab.https_port())).await.unwrap();
    let absent = handshake(silent, stream, HOST).await.unwrap_err();
    assert_eq!(tls_error(&absent), &Error::AlertReceived(AlertDescription::UnrecognisedName));

    let names: Vec<_> = lab.world().hello_log().into_iter().map(|hello| hello.sni).collect();
    assert_eq!(names, [Some("unknown.example".to_owned()), None]);
}

/// A connection on which TLS may begin.
async fn common_smtp(lab: &Lab, address: std::net::IpAddr) -> TcpStream {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect((address, lab.smtp_port())).await.unwrap();
    for command in ["", "EHLO client.test\r\n", "STARTTLS\r\n"] {
        stream.write_all(command.as_bytes()).await.unwrap();
        let mut reply = [0; 1024];
        assert!(stream.read(&mut reply).await.unwrap() > 0);
        assert_eq!(reply[0], b'2');
    }
    stream
}
