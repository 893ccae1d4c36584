//! Delivery plans. RFC 8461 §4, §5, §8.4; RFC 5321 §5.1; RFC 7505; RFC 7672.

mod common;

use common::*;
use mta_sts::{
    CertProblem, DaneStatus, DeferReason, Delivery, DnsError, MxHosts, Plan, PlanOptions, ProbeResult, Refusal,
    Resolver, ResultType, TlsLevel, Unreachable, Verdict,
};
use mta_sts_lab::{Answer, Lab, MxHost, PolicyHost, Record, RecordType, San, SmtpEvent, Tls, World};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const PROBE: PlanOptions = PlanOptions {
    probe: true,
    intent: mta_sts::Intent::Deliver,
    hosts: None,
    local_hosts: Vec::new(),
    ignore_policy: false,
};

async fn plan(resolver: &Resolver, options: &PlanOptions) -> Plan {
    resolver.plan(&domain("a.test"), options).await
}

fn to(host: &str, tls: TlsLevel) -> Delivery {
    Delivery::To { host: host.to_owned(), tls }
}

fn publish_mode(world: &World, mode: &str, mx: &str) {
    publish(world, "a.test", "1", PolicyHost::serving(policy(mode, mx)));
}

#[tokio::test]
async fn enforce_takes_the_first_host_that_is_named_and_verified() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    publish_mode(world, "enforce", "*.a.test");
    world.mx("a.test", &[(40, "MX4.a.Test"), (10, "mx1.other.test"), (20, "mx2.a.test"), (30, "mx3.a.test")]);
    world.mx_host("mx1.other.test", MxHost::default()).unwrap();
    world.mx_host("mx2.a.test", MxHost { reachable: false, ..MxHost::default() }).unwrap();
    world.mx_host("mx3.a.test", Tls::Expired.into()).unwrap();
    world.mx_host("mx4.a.test", MxHost::default()).unwrap();
    let plan = plan(&checked(&lab), &PROBE).await;
    assert_eq!(plan.delivery, to("MX4.a.Test", TlsLevel::Verified));
    let verdicts: Vec<_> = plan.hosts.iter().map(|host| host.verdict).collect();
    assert_eq!(
        verdicts,
        [
            Verdict::Refuse(Refusal::NotInPolicy),
            Verdict::Skip(Unreachable::Refused),
            Verdict::Refuse(Refusal::Tls(ProbeResult::Certificate(CertProblem::Expired))),
            Verdict::Deliver { tls: TlsLevel::Verified },
        ]
    );
    assert_eq!(plan.hosts[0].result_types, [ResultType::ValidationFailure]);
    assert_eq!(plan.hosts[2].result_types, [ResultType::CertificateExpired]);
}

#[tokio::test]
async fn each_tls_failure_has_its_result_type_and_defers_under_enforce() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    publish_mode(world, "enforce", "*.a.test");
    world.mx("a.test", &[(10, "mx.a.test")]);
    let names = |san: &str| Tls::Names { san: vec![San::Dns(san.to_owned())], cn: None };
    let resolver = checked(&lab);
    for (host, expected) in [
        (Tls::Expired.into(), ResultType::CertificateExpired),
        (Tls::SelfSigned.into(), ResultType::CertificateNotTrusted),
        (Tls::UnknownCa.into(), ResultType::CertificateNotTrusted),
        (Tls::NameConstraints.into(), ResultType::CertificateNotTrusted),
        (names("mx2.a.test").into(), ResultType::CertificateHostMismatch),
        (Tls::HandshakeFailure.into(), ResultType::ValidationFailure),
        (MxHost { starttls: false, ..MxHost::default() }, ResultType::StarttlsNotSupported),
    ] {
        world.mx_host("mx.a.test", host).unwrap();
        let plan = plan(&resolver, &PROBE).await;
        assert_eq!(plan.delivery, Delivery::Defer(DeferReason::NoHost));
        assert_eq!(plan.hosts[0].result_types, [expected]);
    }
}

#[tokio::test]
async fn testing_delivers_and_reports() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    publish_mode(world, "testing", "mx2.a.test");
    world.mx("a.test", &[(10, "mx1.a.test"), (20, "mx2.a.test")]);
    world.mx_host("mx1.a.test", MxHost { starttls: false, ..MxHost::default() }).unwrap();
    world.mx_host("mx2.a.test", Tls::SelfSigned.into()).unwrap();
    let plan = plan(&checked(&lab), &PROBE).await;
    assert_eq!(plan.delivery, to("mx1.a.test", TlsLevel::Plaintext));
    assert_eq!(plan.hosts[0].result_types, [ResultType::ValidationFailure, ResultType::StarttlsNotSupported]);
    assert_eq!(plan.hosts[1].verdict, Verdict::Deliver { tls: TlsLevel::Any });
    assert_eq!(plan.hosts[1].result_types, [ResultType::CertificateNotTrusted]);
}

#[tokio::test]
async fn without_a_policy_tls_is_opportunistic() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    world.mx("a.test", &[(10, "mx.a.test")]);
    let resolver = checked(&lab);
    for (host, tls) in [
        (MxHost::default(), TlsLevel::Any),
        (Tls::SelfSigned.into(), TlsLevel::Any),
        (Tls::Tls11Only.into(), TlsLevel::Plaintext),
        (MxHost { starttls: false, ..MxHost::default() }, TlsLevel::Plaintext),
    ] {
        world.mx_host("mx.a.test", host).unwrap();
        let plan = plan(&resolver, &PROBE).await;
        assert_eq!(plan.delivery, to("mx.a.test", tls));
        assert_eq!((plan.hosts[0].permitted, plan.hosts[0].result_types.len()), (None, 0));
    }
}

#[tokio::test]
async fn hosts_not_nearer_than_the_sender_are_dropped_before_the_policy_is_looked_at() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    publish_mode(world, "enforce", "mx2.a.test");
    world.mx("a.test", &[(5, "mx0.a.test"), (10, "mx1.a.test"), (20, "mx2.a.test")]);
    for host in ["mx0.a.test", "mx1.a.test", "mx2.a.test"] {
        world.mx_host(host, MxHost::default()).unwrap();
    }
    let resolver = checked(&lab);
    let options = PlanOptions { local_hosts: vec!["MX1.a.test.".to_owned()], ..PROBE };
    let with_local = plan(&resolver, &options).await;
    assert_eq!(with_local.delivery, Delivery::Defer(DeferReason::NoHost));
    let verdicts: Vec<_> = with_local.hosts.iter().map(|host| host.verdict).collect();
    assert_eq!(verdicts, [Verdict::Refuse(Refusal::NotInPolicy), Verdict::Dropped, Verdict::Dropped]);
    let options = PlanOptions { local_hosts: vec!["mx0.a.test".to_owned()], ..PROBE };
    assert_eq!(plan(&resolver, &options).await.delivery, Delivery::Defer(DeferReason::Local));
    assert_eq!(plan(&resolver, &PROBE).await.delivery, to("mx2.a.test", TlsLevel::Verified));
}

#[tokio::test]
async fn mail_with_a_tls_report_ignores_the_policy() {
    let lab = Lab::start().await.unwrap();
    publish_mode(lab.world(), "enforce", "mx.a.test");
    lab.world().mx("a.test", &[(10, "mx9.a.test")]);
    lab.world().mx_host("mx9.a.test", MxHost { starttls: false, ..MxHost::default() }).unwrap();
    let options = PlanOptions { ignore_policy: true, ..PROBE };
    assert_eq!(plan(&checked(&lab), &options).await.delivery, to("mx9.a.test", TlsLevel::Plaintext));
}

#[tokio::test]
async fn no_mx_is_the_domain_itself_and_a_null_mx_is_nowhere() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    publish_mode(world, "enforce", "a.test");
    world.mx_host("a.test", MxHost::default()).unwrap();
    let resolver = checked(&lab);
    let implicit = plan(&resolver, &PROBE).await;
    assert_eq!(implicit.delivery, to("a.test", TlsLevel::Verified));
    assert_eq!(implicit.hosts[0].preference, None);
    world.mx("a.test", &[(0, ".")]);
    assert_eq!(plan(&resolver, &PROBE).await.delivery, Delivery::NullMx);
    assert_eq!(resolver.mx_hosts(&domain("a.test")).await, Ok(MxHosts::Null));
    world.set("a.test", RecordType::Mx, Answer::ServFail);
    let why = DnsError::Response(2);
    assert_eq!(plan(&resolver, &PROBE).await.delivery, Delivery::Defer(DeferReason::MxLookup(why)));
}

#[tokio::test]
async fn the_name_of_the_mx_record_is_sent_and_verified_and_not_a_cname_target() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    publish_mode(world, "enforce", "mx.a.test");
    world.mx("a.test", &[(10, "mx.a.test")]);
    world.mx_host("real.other.test", MxHost::default()).unwrap();
    world.cname("mx.a.test", "real.other.test");
    let plan = plan(&checked(&lab), &PROBE).await;
    assert_eq!(plan.hosts[0].result_types, [ResultType::CertificateHostMismatch]);
    let sni = world.smtp_log().into_iter().find_map(|seen| match seen.event {
        SmtpEvent::Sni(sni) => sni,
        _ => None,
    });
    assert_eq!(sni.as_deref(), Some("mx.a.test"));
    assert!(world.smtp_log().iter().any(|seen| seen.event == SmtpEvent::Quit));
    assert!(world.mails().is_empty());
}

/// Passes on to `to`, and slips plain-text replies in behind the one to STARTTLS.
async fn inject(listener: TcpListener, to: SocketAddr) {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut server = TcpStream::connect(to).await.unwrap();
    let mut buffer = [0; 1024];
    let mut starts = false;
    while !starts {
        let length = server.read(&mut buffer).await.unwrap();
        client.write_all(&buffer[..length]).await.unwrap();
        let length = client.read(&mut buffer).await.unwrap();
        starts = buffer.starts_with(b"STARTTLS");
        server.write_all(&buffer[..length]).await.unwrap();
    }
    let length = server.read(&mut buffer).await.unwrap();
    client.write_all(&[&buffer[..length], b"421 injected\r\n"].concat()).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

#[tokio::test]
async fn plain_text_behind_the_starttls_reply_is_forgotten() {
    let lab = Lab::start().await.unwrap();
    let address = lab.world().mx_host("mx.a.test", MxHost::default()).unwrap();
    let listener = TcpListener::bind(("127.79.0.1", lab.smtp_port())).await.unwrap();
    lab.world().host_address("mx.a.test", &["127.79.0.1".parse().unwrap()]);
    let proxy = tokio::spawn(inject(listener, (address, lab.smtp_port()).into()));
    let result = checked(&lab).probe("mx.a.test").await;
    assert_eq!(result, ProbeResult::Ok { version: mta_sts::TlsVersion::Tls13 });
    proxy.abort();
}

#[tokio::test]
async fn a_plan_without_probes_connects_to_no_mx_host() {
    let lab = Lab::start().await.unwrap();
    publish_mode(lab.world(), "enforce", "mx2.a.test");
    lab.world().mx("a.test", &[(10, "mx1.a.test"), (20, "mx2.a.test")]);
    let plan = plan(&checked(&lab), &PlanOptions::default()).await;
    assert_eq!(plan.delivery, to("mx2.a.test", TlsLevel::Verified));
    assert!(lab.world().smtp_log().is_empty());
}

fn tlsa(usage: u8, data: Vec<u8>) -> Answer {
    Answer::Records(vec![Record::Tlsa { usage, selector: 1, matching: 1, data }])
}

fn with_dane(lab: &Lab) -> Resolver {
    builder(lab).freshness(mta_sts::Freshness::Checked).dane(true).build().unwrap()
}

#[tokio::test]
async fn dane_vouches_for_a_certificate_that_webpki_does_not() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    publish_mode(world, "enforce", "other.a.test");
    world.set_secure("a.test", true);
    world.mx("a.test", &[(10, "mx1.a.test"), (20, "mx2.a.test")]);
    world.mx_host("mx1.a.test", MxHost::default()).unwrap();
    world.mx_host("mx2.a.test", Tls::SelfSigned.into()).unwrap();
    world.set("_25._tcp.mx2.a.test", RecordType::Tlsa, tlsa(3, world.tlsa_for("mx2.a.test")));
    let plan = plan(&with_dane(&lab), &PROBE).await;
    assert_eq!(plan.delivery, to("mx2.a.test", TlsLevel::Verified));
    assert_eq!((plan.hosts[0].dane, plan.hosts[1].dane), (DaneStatus::Absent, DaneStatus::Usable));
    assert_eq!(plan.hosts[0].verdict, Verdict::Refuse(Refusal::NoTlsa));
}

#[tokio::test]
async fn mta_sts_never_overrides_a_failing_dane_validation() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    publish_mode(world, "enforce", "*.a.test");
    world.set_secure("a.test", true);
    world.mx("a.test", &[(10, "mx.a.test")]);
    world.mx_host("mx.a.test", MxHost::default()).unwrap();
    let resolver = with_dane(&lab);
    let name = "_25._tcp.mx.a.test";
    let defer = Delivery::Defer(DeferReason::NoHost);

    world.set(name, RecordType::Tlsa, tlsa(3, vec![0; 32]));
    let mismatch = plan(&resolver, &PROBE).await;
    assert_eq!(
        (mismatch.delivery, &mismatch.hosts[0].result_types[..]),
        (defer.clone(), &[ResultType::TlsaInvalid][..])
    );

    world.set(name, RecordType::Tlsa, Answer::ServFail);
    let broken = plan(&resolver, &PROBE).await;
    assert_eq!((broken.delivery, broken.hosts[0].verdict), (defer, Verdict::Refuse(Refusal::DaneBroken)));

    // Usage 1 is of no use to SMTP, and insecure records say nothing: MTA-STS decides.
    world.set(name, RecordType::Tlsa, tlsa(1, vec![0; 32]));
    let unusable = plan(&resolver, &PROBE).await;
    assert_eq!(
        (unusable.delivery, unusable.hosts[0].dane),
        (to("mx.a.test", TlsLevel::Verified), DaneStatus::Unusable)
    );
    world.set(name, RecordType::Tlsa, tlsa(3, vec![0; 32]));
    world.set_secure("a.test", false);
    let insecure = plan(&resolver, &PROBE).await;
    assert_eq!(insecure.hosts[0].dane, DaneStatus::NotApplicable);
    assert_eq!(insecure.delivery, to("mx.a.test", TlsLevel::Verified));
}

#[test]
fn dane_needs_a_name_server_on_loopback() {
    let ca = include_bytes!("ca.pem");
    let builder = || Resolver::builder().extra_ca_pem(ca).unwrap().dane(true);
    let error = Some(mta_sts::BuildError::DaneNeedsLoopback);
    assert_eq!(builder().name_servers(["192.0.2.53".parse().unwrap()]).build().err(), error);
    assert_eq!(builder().name_servers(["tls://127.0.0.1".parse().unwrap()]).build().err(), error);
    assert!(builder().name_servers(["127.0.0.1".parse().unwrap()]).build().is_ok());
}
