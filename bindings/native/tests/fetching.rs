//! Fetching policies from real servers. RFC 8461 §3.3.

mod common;

use common::*;
use mta_sts::{Decision, Failure, FetchError, Intent, Resolver, ResultType, Source};
use mta_sts_lab::{Address, Answer, Framing, Lab, PolicyHost, Record, RecordType, Reply, Response, San, Tls};
use std::time::Duration;

fn good() -> Response {
    Response::text(policy("enforce", "*.a.test"))
}

async fn failure_of(lab: &Lab, host: impl Into<PolicyHost>) -> (Option<FetchError>, Option<ResultType>) {
    publish(lab.world(), "a.test", "1", host);
    let resolver = builder(lab)
        .freshness(mta_sts::Freshness::Checked)
        .timeouts(mta_sts::Timeouts {
            connect: Duration::from_secs(2),
            fetch: Duration::from_secs(2),
            ..Default::default()
        })
        .build()
        .unwrap();
    let answer = resolver.resolve("a.test").await.unwrap();
    match answer.failure {
        None => {
            assert_eq!(answer.source, Source::Fetched);
            (None, answer.result_type)
        }
        Some(Failure::Fetch(why)) => {
            assert_eq!(answer.decision, Decision::NoPolicy);
            assert_eq!(answer.source, Source::None);
            (Some(why), answer.result_type)
        }
        Some(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_good_policy_is_fetched_with_a_plain_request() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "*.a.test");
    let answer = checked(&lab).resolve("A.Test.").await.unwrap();
    assert!(matches!(&answer.decision, Decision::Enforce(policy) if policy.permits_mx("mx.a.test")));
    assert!(answer.asked_https);
    assert_eq!((answer.source, answer.failure), (Source::Fetched, None));
    let log = lab.world().http_log();
    assert_eq!((log[0].method.as_str(), log[0].path.as_str()), ("GET", "/.well-known/mta-sts.txt"));
    let fields: Vec<_> = log[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    for unwanted in ["accept-encoding", "cookie", "referer", "if-none-match"] {
        assert!(!fields.contains(&unwanted), "{fields:?}");
    }
    let agent = log[0].headers.iter().find(|(name, _)| name == "user-agent").unwrap();
    assert!(agent.1.starts_with("mta-sts/"));
}

#[tokio::test]
async fn u_labels_are_converted() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "xn--mller-kva.test", "*.a.test");
    let answer = checked(&lab).resolve("müller.test").await.unwrap();
    assert!(matches!(answer.decision, Decision::Enforce(_)));
    assert!(checked(&lab).resolve("192.0.2.1").await.is_err());
}

#[tokio::test]
async fn certificate_failures_are_told_from_other_tls_failures() {
    let lab = Lab::start().await.unwrap();
    let names = |san: &str| Tls::Names { san: vec![San::Dns(san.to_owned())], cn: Some("mta-sts.a.test".to_owned()) };
    for tls in [
        Tls::Expired,
        Tls::NotYetValid,
        Tls::SelfSigned,
        Tls::UnknownCa,
        Tls::MissingIntermediate,
        Tls::IssuerNotCa,
        Tls::ExpiredIntermediate,
        Tls::NameConstraints,
        Tls::ClientAuthOnly,
        names("www.a.test"),
        names("*.*.test"),
        names("m*.a.test"),
        Tls::Names { san: vec![], cn: Some("mta-sts.a.test".to_owned()) },
    ] {
        let host = PolicyHost { tls: tls.clone(), ..good().into() };
        let expected = (Some(FetchError::Certificate), Some(ResultType::StsWebpkiInvalid));
        assert_eq!(failure_of(&lab, host).await, expected, "{tls:?}");
    }
    for tls in [Tls::Tls11Only, Tls::HandshakeFailure, Tls::ChosenBySni { sni: "other.test".to_owned() }] {
        let host = PolicyHost { tls: tls.clone(), ..good().into() };
        let expected = (Some(FetchError::Tls), Some(ResultType::StsPolicyFetchError));
        assert_eq!(failure_of(&lab, host).await, expected, "{tls:?}");
    }
    let host = PolicyHost { tls: names("*.a.test"), ..good().into() };
    assert_eq!(failure_of(&lab, host).await.0, None);
}

#[tokio::test]
async fn only_200_counts_and_redirects_are_not_followed() {
    let lab = Lab::start().await.unwrap();
    for status in [201, 204, 301, 302, 307, 308, 404, 500] {
        let location = ("Location".to_owned(), format!("https://mta-sts.a.test:{}/elsewhere", lab.https_port()));
        let response = Response { status, headers: vec![location], ..good() };
        let elsewhere = vec![("/elsewhere".to_owned(), good())];
        let host = PolicyHost { elsewhere, ..response.into() };
        assert_eq!(failure_of(&lab, host).await.0, Some(FetchError::Status(status)));
    }
    assert!(lab.world().http_log().iter().all(|seen| seen.path == "/.well-known/mta-sts.txt"));
    let interim = Response { interim: vec![100, 103], ..good() };
    assert_eq!(failure_of(&lab, interim).await.0, None);
}

#[tokio::test]
async fn a_body_is_whole_only_if_http_or_tls_says_so() {
    let lab = Lab::start().await.unwrap();
    let close = Framing::Close;
    let incomplete = Some(FetchError::Incomplete);
    for (response, expected) in [
        (Response { framing: Framing::Chunked, ..good() }, None),
        (Response { framing: close, ..good() }, None),
        (Response { framing: close, close_notify: false, ..good() }, incomplete),
        (Response { framing: close, close_notify: false, truncated: true, ..good() }, incomplete),
        (Response { truncated: true, ..good() }, incomplete),
        (Response { truncated: true, close_notify: false, ..good() }, incomplete),
        (Response { framing: Framing::Chunked, truncated: true, ..good() }, incomplete),
        (Response { framing: Framing::Chunked, truncated: true, close_notify: false, ..good() }, incomplete),
        // The length says that it is whole.
        (Response { close_notify: false, ..good() }, None),
    ] {
        assert_eq!(failure_of(&lab, response.clone()).await.0, expected, "{response:?}");
    }
}

#[tokio::test]
async fn coded_large_and_mistyped_bodies_fail() {
    let lab = Lab::start().await.unwrap();
    let typed = |types: &[&str]| Response { content_type: types.iter().map(|t| (*t).to_owned()).collect(), ..good() };
    for (response, expected) in [
        (Response { gzip: true, ..good() }, Some(FetchError::Encoding)),
        (Response { endless: true, ..good() }, Some(FetchError::TooLarge)),
        (good().padded_to(65_536), None),
        (good().padded_to(65_537), Some(FetchError::TooLarge)),
        (typed(&["text/html"]), Some(FetchError::MediaType)),
        (typed(&["text/plain", "text/plain"]), Some(FetchError::MediaType)),
        (typed(&["Text/Plain; charset=\"ü\""]), None),
        (typed(&[]), None),
    ] {
        assert_eq!(failure_of(&lab, response).await.0, expected);
    }
}

#[tokio::test]
async fn unreachable_policy_hosts_say_why() {
    let lab = Lab::start().await.unwrap();
    let at = |address| PolicyHost { address, ..good().into() };
    assert_eq!(failure_of(&lab, at(Address::Refused)).await.0, Some(FetchError::Connect));
    assert_eq!(failure_of(&lab, at(Address::None)).await.0, Some(FetchError::Dns));
    assert_eq!(failure_of(&lab, at(Address::SecondOfTwo)).await.0, None);
    let silent = PolicyHost { reply: Reply::Silence, ..PolicyHost::default() };
    assert_eq!(failure_of(&lab, silent).await.0, Some(FetchError::Timeout));
}

#[tokio::test]
async fn loopback_is_refused_unless_opened() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "*.a.test");
    let resolver = builder(&lab).allow_nets([]).build().unwrap();
    let answer = resolver.resolve("a.test").await.unwrap();
    assert_eq!(answer.failure, Some(Failure::Fetch(FetchError::NotAllowed)));
    assert!(lab.world().hello_log().is_empty());
}

#[tokio::test]
async fn absent_records_and_dead_resolvers_are_told_apart() {
    let lab = Lab::start().await.unwrap();
    let resolver = checked(&lab);
    let name = "_mta-sts.a.test";
    for (answer, expected) in [
        (Answer::NxDomain, None),
        (Answer::Records(vec![]), None),
        (Answer::ServFail, Some(Failure::DnsTemporary)),
        (Answer::Refused, Some(Failure::DnsTemporary)),
        (Answer::Failure { refused: false, extended_error: 6 }, Some(Failure::DnsTemporary)),
    ] {
        lab.world().set(name, RecordType::Txt, answer.clone());
        let found = resolver.resolve("a.test").await.unwrap();
        assert_eq!((found.failure, found.source), (expected, Source::None), "{answer:?}");
        assert!(!found.is_uncertain());
    }
    lab.world().set(name, RecordType::Txt, Answer::Silence);
    let timeouts = mta_sts::Timeouts { dns: Duration::from_millis(300), ..Default::default() };
    let resolver = builder(&lab).freshness(mta_sts::Freshness::Checked).timeouts(timeouts).build().unwrap();
    let began = std::time::Instant::now();
    let found = resolver.resolve("a.test").await.unwrap();
    assert_eq!(found.failure, Some(Failure::DnsTemporary));
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn cnames_are_followed_and_long_records_joined() {
    let lab = Lab::start().await.unwrap();
    let world = lab.world();
    enforce(world, "b.test", "*.b.test");
    world.cname("_mta-sts.a.test", "x.test");
    world.cname("x.test", "y.test");
    let long = format!("v=STSv1; id=1; pad={};", "p".repeat(300));
    world.set("y.test", RecordType::Txt, Answer::Records(vec![Record::txt("v=spf1"), Record::txt(&long)]));
    world.policy_host("mta-sts.a.test", PolicyHost::default());
    world.cname("mta-sts.a.test", "mta-sts.b.test");
    world.remove("mta-sts.a.test", RecordType::A);
    publish_body(&lab, "a.test");
    let answer = checked(&lab).resolve("a.test").await.unwrap();
    assert!(matches!(answer.decision, Decision::Enforce(_)), "{answer:?}");
}

fn publish_body(lab: &Lab, name: &str) {
    // The host's addresses are those of its CNAME; only what it serves is set.
    let world = lab.world();
    world.policy_host(&format!("mta-sts.{name}"), good().into());
    world.remove(&format!("mta-sts.{name}"), RecordType::A);
    world.remove(&format!("mta-sts.{name}"), RecordType::Aaaa);
    world.cname(&format!("mta-sts.{name}"), "mta-sts.b.test");
}

#[tokio::test]
async fn a_second_name_server_is_asked_when_the_first_cannot_tell() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "*.a.test");
    let dead = "127.78.0.1:9".parse().unwrap();
    let servers = [mta_sts::NameServer::Plain(dead), mta_sts::NameServer::Plain(lab.dns_addr())];
    let timeouts =
        mta_sts::Timeouts { dns: Duration::from_secs(2), caller: Duration::from_secs(20), ..Default::default() };
    let resolver = builder(&lab).name_servers(servers).timeouts(timeouts).build().unwrap();
    let answer = resolver.resolve("a.test").await.unwrap();
    assert!(matches!(answer.decision, Decision::Enforce(_)), "{answer:?}");
}

#[tokio::test]
async fn a_bounce_is_confirmed_only_by_an_unchanged_id() {
    let lab = Lab::start().await.unwrap();
    enforce(lab.world(), "a.test", "*.a.test");
    let (resolver, domain) = (checked(&lab), domain("a.test"));
    assert!(!resolver.resolve_with(&domain, Intent::BeforeBounce).await.confirms_bounce);
    assert!(resolver.resolve_with(&domain, Intent::BeforeBounce).await.confirms_bounce);
    assert!(!resolver.resolve_with(&domain, Intent::Deliver).await.confirms_bounce);
    lab.world().set("_mta-sts.a.test", RecordType::Txt, Answer::ServFail);
    assert!(!resolver.resolve_with(&domain, Intent::BeforeBounce).await.confirms_bounce);
}

#[test]
fn no_trust_anchor_is_an_error_at_the_start() {
    let error = Resolver::builder().only_extra_ca(true).build().unwrap_err();
    assert_eq!(error, mta_sts::BuildError::NoTrustAnchors);
    assert_eq!(Resolver::builder().extra_ca_pem(b"nothing").unwrap_err(), mta_sts::BuildError::BadCa);
}

#[tokio::test]
async fn a_policy_host_may_be_at_ipv6_only() {
    let lab = Lab::start().await.unwrap();
    if !lab.has_ipv6() {
        return;
    }
    publish(lab.world(), "a.test", "1", PolicyHost { address: Address::V6Only, ..good().into() });
    let resolver = builder(&lab).allow_nets(["::1/128".parse().unwrap()]).build().unwrap();
    assert_eq!(resolver.resolve("a.test").await.unwrap().source, Source::Fetched);
}

#[tokio::test]
async fn mode_none_is_no_policy_and_is_cached() {
    let lab = Lab::start().await.unwrap();
    publish(lab.world(), "a.test", "1", Response::text("version: STSv1\nmode: none\nmax_age: 86400\n"));
    let resolver = builder(&lab).build().unwrap();
    for source in [Source::Fetched, Source::Cache] {
        let answer = resolver.resolve("a.test").await.unwrap();
        assert_eq!((answer.decision, answer.source, answer.failure), (Decision::NoPolicy, source, None));
    }
    assert_eq!(fetches(lab.world(), "a.test"), 1);
}

#[tokio::test]
async fn a_loop_of_cnames_is_no_answer() {
    let lab = Lab::start().await.unwrap();
    lab.world().cname("_mta-sts.a.test", "b.test");
    lab.world().cname("b.test", "_mta-sts.a.test");
    let answer = checked(&lab).resolve("a.test").await.unwrap();
    assert_eq!(answer.failure, Some(Failure::DnsTemporary));
}
