//! What Postfix is told, case by case. The rows are those in which postfix-mta-sts-resolver and
//! postfix-tlspol were compared; their texts name them.

mod common;

use common::*;
use mta_sts::{Decision, Domain, Freshness, Intent, Policy, core::socketmap::MAX_REPLY};
use mta_sts_lab::{Answer, Lab, PolicyHost, Record, RecordType, Response, Tls, World};
use mta_sts_postfix::{Answerer, Limits, Listener, Reply, Server, Service, Zone, Zones, reply};
use std::sync::Arc;
use tokio::net::TcpStream;

const NOT_FOUND: &str = "NOTFOUND ";
const FOUND: &str = "OK secure match=mail.D:.D servername=hostname";
const WITH_TLSRPT: &str = "OK secure match=mail.D:.D servername=hostname policy_type=sts policy_domain=D \
    mx_host_pattern=mail.D mx_host_pattern=*.D { policy_string = version: STSv1 } { policy_string = mode: enforce } \
    { policy_string = mx: mail.D } { policy_string = mx: *.D } { policy_string = max_age: 86400 }";

/// Map, key and reply; `D` is the domain.
type Asks<'a> = &'a [(&'a str, &'a str, &'a str)];

fn zones() -> Zones {
    let strict = Zone { strict_testing: true, ..Zone::new("strict") };
    let no_sni = Zone { require_sni: false, ..Zone::new("no-sni") };
    Zones::new(Zone::new("default"), [strict, no_sni])
}

/// The text for a domain, which `D` stands for.
fn at(domain: &str, text: &str) -> String {
    if text == NOT_FOUND { text.to_owned() } else { text.replace('D', domain) }
}

fn payload(reply: &Reply) -> String {
    let mut wire = Vec::new();
    reply.as_socketmap().encode(&mut wire);
    let wire = String::from_utf8(wire).unwrap();
    wire.split_once(':').unwrap().1.strip_suffix(',').unwrap().to_owned()
}

/// Asks a fresh service about a domain that is set up so.
async fn row(text: &str, setup: impl FnOnce(&World, &str), asks: Asks<'_>) {
    let lab = Lab::start().await.unwrap();
    let domain = "example.test";
    setup(lab.world(), domain);
    let service = Service::new(builder(&lab).build().unwrap(), zones());
    for (map, key, expected) in asks {
        let key = at(domain, key);
        let got = payload(&service.answer(map.as_bytes(), key.as_bytes()).await);
        assert_eq!(got, at(domain, expected), "{text}: {map} {key}");
    }
}

/// The same reply for the names of both daemons.
async fn both(text: &str, setup: impl FnOnce(&World, &str), expected: &str) {
    row(text, setup, &[("postfix", "D", expected), ("QUERY", "D", expected)]).await;
}

fn enforce(world: &World, domain: &str) {
    publish(world, domain, "1", PolicyHost::serving(policy("enforce", domain)));
}

/// A policy in mode `enforce` with these lines in place of its MX patterns.
fn lines<'a>(lines: &'a str) -> impl FnOnce(&World, &str) + use<'a> {
    move |world, domain| {
        let lines = at(domain, lines);
        let text = format!("version: STSv1\nmode: enforce\n{lines}\nmax_age: 86400\n");
        publish(world, domain, "1", PolicyHost::serving(text));
    }
}

/// The usual policy with one thing changed.
fn changed<'a>(from: &'a str, to: &'a str) -> impl FnOnce(&World, &str) + use<'a> {
    move |world, domain| {
        let text = policy("enforce", domain).replace(from, to);
        publish(world, domain, "1", PolicyHost::serving(text));
    }
}

fn records<'a>(texts: &'a [&'a str]) -> impl FnOnce(&World, &str) + use<'a> {
    move |world, domain| {
        enforce(world, domain);
        world.txt(&format!("_mta-sts.{domain}"), texts);
    }
}

fn dns(answer: Answer) -> impl FnOnce(&World, &str) {
    move |world, domain| {
        enforce(world, domain);
        world.set(&format!("_mta-sts.{domain}"), RecordType::Txt, answer);
    }
}

fn served(host: impl Into<PolicyHost>) -> impl FnOnce(&World, &str) {
    move |world, domain| publish(world, domain, "1", host)
}

fn response(content_type: &str) -> Response {
    Response { content_type: vec![content_type.to_owned()], ..Response::text(policy("enforce", "example.test")) }
}

#[tokio::test]
async fn modes_and_zones() {
    both("enforce", enforce, FOUND).await;
    row("enforce, require_sni:false", enforce, &[("no-sni", "D", "OK secure match=mail.D:.D")]).await;
    let maps: Asks<'_> = &[("postfixwithTLSRPT", "D", WITH_TLSRPT), ("QUERYwithTLSRPT", "D", WITH_TLSRPT)];
    row("enforce + TLSRPT", enforce, maps).await;
    let testing = changed("enforce", "testing");
    let maps = [("postfix", "D", NOT_FOUND), ("QUERY", "D", NOT_FOUND), ("QUERYwithTLSRPT", "D", NOT_FOUND)];
    row("testing", testing, &[&maps[..], &[("strict", "D", FOUND)]].concat()).await;
    both("none", changed("enforce", "none"), NOT_FOUND).await;
    row("unknown map name", enforce, &[("whatever", "D", FOUND), ("", "D", FOUND)]).await;
    row("`QUERY` w/o key", enforce, &[("QUERY", "", NOT_FOUND), ("postfix", "", NOT_FOUND)]).await;
    let secure_dane = |world: &World, domain: &str| {
        enforce(world, domain);
        world.set_secure(domain, true);
        world.mx(domain, &[(10, &format!("mail.{domain}"))]);
        let tlsa = Record::Tlsa { usage: 3, selector: 1, matching: 1, data: vec![7; 32] };
        world.set(&format!("_25._tcp.mail.{domain}"), RecordType::Tlsa, Answer::Records(vec![tlsa]));
    };
    row("DANE all-usable + STS", secure_dane, &[("postfix", "D", FOUND)]).await;
}

#[tokio::test]
async fn dns_answers() {
    both("no TXT (NXDOMAIN)", dns(Answer::NxDomain), NOT_FOUND).await;
    both("TXT SERVFAIL, no cache", dns(Answer::ServFail), NOT_FOUND).await;
    both("TXT timeout, no cache", dns(Answer::Silence), NOT_FOUND).await;
    let no_mx = |world: &World, domain: &str| {
        enforce(world, domain);
        world.set(domain, RecordType::Mx, Answer::ServFail);
    };
    row("MX SERVFAIL but STS enforce OK", no_mx, &[("postfix", "D", FOUND), ("QUERY", "D", FOUND)]).await;
    both("two valid TXT", records(&["v=STSv1; id=1;", "v=STSv1; id=2;"]), NOT_FOUND).await;
    both("TXT without id", records(&["v=STSv1;"]), NOT_FOUND).await;
    both("other TXT + one STS", records(&["something else", "v=STSv1; id=1;"]), FOUND).await;
    let long = format!("v=STSv1; id={};", "a".repeat(36));
    both("id 36 chars", records(&[&long]), NOT_FOUND).await;
    both("`v=STSv1 ; id=x ;`", records(&["v=STSv1 ; id=x ;"]), FOUND).await;
    both("`v=STSv1; id=abc`", records(&["v=STSv1; id=abc"]), FOUND).await;
}

#[tokio::test]
async fn policy_hosts() {
    both("policy host 404", served(Response::status(404)), NOT_FOUND).await;
    both("policy host 301", served(Response::status(301)), NOT_FOUND).await;
    both("policy host 500", served(Response::status(500)), NOT_FOUND).await;
    both("policy host text/html", served(response("text/html")), NOT_FOUND).await;
    let large = Response::text(policy("enforce", "example.test")).padded_to(65_537);
    both("policy host >64 KiB", served(large), NOT_FOUND).await;
    let bad = PolicyHost { tls: Tls::UnknownCa, ..PolicyHost::serving(policy("enforce", "example.test")) };
    both("policy host bad cert", served(bad), NOT_FOUND).await;
    both("`text/plain; charset=utf-8`", served(response("text/plain; charset=utf-8")), FOUND).await;
}

#[tokio::test]
async fn policy_texts() {
    let only_mail = "OK secure match=mail.D servername=hostname";
    both("enforce w/o mx", lines("x: y"), NOT_FOUND).await;
    both("LF-only lines", enforce, FOUND).await;
    both("CRLF lines", changed("\n", "\r\n"), FOUND).await;
    let text = "duplicate mode: testing then enforce";
    both(text, changed("mode: enforce", "mode: testing\nmode: enforce"), NOT_FOUND).await;
    both("blank line in policy", changed("mode", "\nmode"), FOUND).await;
    both("`mode : enforce` (space before colon)", changed("mode:", "mode :"), NOT_FOUND).await;
    both("mx: 192.0.2.1 + name", lines("mx: 192.0.2.1\nmx: mail.D"), only_mail).await;
    both("mx: 192.0.2.1 alone", lines("mx: 192.0.2.1"), NOT_FOUND).await;
    both("`mx: mail.D protocols=SSLv3`", lines("mx: mail.D protocols=SSLv3"), NOT_FOUND).await;
    both("the same beside a good one", lines("mx: mail.D protocols=SSLv3\nmx: mail.D"), only_mail).await;
    both("`mx: *`", lines("mx: *"), NOT_FOUND).await;
    both("`mx: mail.D:25`", lines("mx: mail.D:25"), NOT_FOUND).await;
    both("`mx: MAIL.D`", lines("mx: MAIL.D"), only_mail).await;
    both("max_age: 0", changed("max_age: 86400", "max_age: 0"), FOUND).await;
    both("max_age: 99999999", changed("max_age: 86400", "max_age: 99999999"), FOUND).await;
    let text = "`foo: bar {x} baz` ext, TLSRPT";
    row(text, changed("max_age", "foo: bar {x} baz\nmax_age"), &[("QUERYwithTLSRPT", "D", WITH_TLSRPT)]).await;
}

#[tokio::test]
async fn keys() {
    let not_found = [
        ("`.D` parent-domain key", ".D"),
        ("sub.D", "sub.D"),
        ("IPs", "192.0.2.1"),
        ("IPs, `[192.0.2.1]`", "[192.0.2.1]"),
        ("IPs, v6", "2001:db8::1"),
        ("user@D", "user@D"),
    ];
    for (text, key) in not_found {
        row(text, enforce, &[("postfix", key, NOT_FOUND), ("QUERY", key, NOT_FOUND)]).await;
    }
    for key in ["[D]", "[D]:25", "D:587"] {
        row("`[D]`, `[D]:25`, `D:587`", enforce, &[("postfix", key, FOUND), ("QUERY", key, NOT_FOUND)]).await;
    }
    for key in ["D.", "Example.TEST"] {
        row("`D.` / upper case", enforce, &[("postfix", key, FOUND), ("query", key, FOUND)]).await;
    }
}

#[tokio::test]
async fn broken_netstring() {
    let lab = Lab::start().await.unwrap();
    let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.tcp_addr().unwrap();
    let service = Service::new(builder(&lab).build().unwrap(), zones());
    let _server = Server::start(service, [listener], Limits::default());
    for broken in ["GET / HTTP/1.1\r\n\r\n", "01:a,", "7:postfix;"] {
        let mut client = Client::new(TcpStream::connect(address).await.unwrap());
        client.send(broken.as_bytes()).await;
        assert_eq!(client.reply().await, None, "close, no reply");
    }
}

#[tokio::test]
async fn changes_of_a_cached_policy() {
    let lab = Lab::start().await.unwrap();
    let (world, clock) = (lab.world(), Hands::new());
    let resolver = builder(&lab).clock(clock.clone()).freshness(Freshness::Checked).build().unwrap();
    let service = Service::new(resolver.clone(), zones());
    let ask = async |domain: &str| payload(&service.answer(b"QUERY", domain.as_bytes()).await);
    for domain in ["a.test", "b.test", "c.test"] {
        enforce(world, domain);
        assert_eq!(ask(domain).await, at(domain, FOUND));
    }
    clock.forward(400);
    world.remove("_mta-sts.a.test", RecordType::Txt);
    assert_eq!(ask("a.test").await, at("a.test", FOUND), "TXT removed while cached");
    publish(world, "b.test", "2", PolicyHost::serving("version: STSv1\nmode: none\nmax_age: 86400\n"));
    assert_eq!(ask("b.test").await, NOT_FOUND, "id changed + policy now none");
    world.policy_host("mta-sts.c.test", PolicyHost::serving(policy("enforce", "new.test")));
    clock.forward(43_300);
    // The refresher does this by itself at half of max_age.
    resolver.resolve_with(&Domain::from_ascii("c.test").unwrap(), Intent::Refresh).await;
    assert_eq!(ask("c.test").await, at("new.test", FOUND), "policy text changed, id same");
}

/// The reply to a policy in mode `enforce`, without any IO.
fn pure(map: &str, lines: &str) -> Reply {
    let text = format!("version: STSv1\nmode: enforce\n{lines}max_age: 86400\n");
    let decision = Decision::Enforce(Arc::new(Policy::parse(text.as_bytes()).unwrap()));
    reply(&zones().get(map.as_bytes()), &Domain::from_ascii("example.test").unwrap(), &decision)
}

#[test]
fn patterns_are_lower_case_in_order_and_each_there_once() {
    let lines = "mx: B.example.\nmx: *.a.example\nmx: b.example\nmx: *.A.EXAMPLE\nmx: c.example\n";
    let expected = "secure match=b.example:.a.example:c.example servername=hostname";
    assert_eq!(pure("postfix", lines), Reply::Ok(expected.to_owned()));
}

#[test]
fn a_word_that_means_another_name_to_postfix_is_no_pattern() {
    let expected = "secure match=mx.example:.hostname servername=hostname";
    let lines = "mx: hostname\nmx: NextHop\nmx: mx.example\nmx: dot-nexthop\nmx: *.hostname\n";
    assert_eq!(pure("postfix", lines), Reply::Ok(expected.to_owned()));
    // Nothing is left to match, and "not found" would take the policy away.
    assert!(matches!(pure("postfix", "mx: hostname\nmx: nexthop\n"), Reply::Temp(_)));
}

#[test]
fn nothing_from_the_wire_breaks_out_of_its_attribute() {
    let hostile = "mx: mx.example\nx-a: } match=evil.example {\nx-b: a\"b\nx-c: \u{1}\nx-d: a\u{85}b\nx-e: fine, too = so\n\
        mx: x.example,y.example\nmx: {evil}\nmx: a b\nversion: STSv1 evil\nmode: } evil\n} evil: x\n";
    let Reply::Ok(value) = pure("QUERYwithTLSRPT", hostile) else { panic!() };
    assert!(!value.contains("evil") && !value.contains(char::is_control), "{value}");
    assert!(value.contains("{ policy_string = x-e: fine, too = so }"));
    assert_eq!(value.matches('{').count(), value.matches(" { policy_string = ").count());
    assert_eq!(value.matches('}').count(), value.matches('{').count());
}

#[test]
fn tlsrpt_attributes_are_complete_or_not_there_at_all() {
    let many = |n| (0..n).map(|i| format!("mx: {i:04}.example\n")).collect::<String>();
    for n in (1_230..1_280).chain([1, 100, 3_000]) {
        let Reply::Ok(value) = pure("QUERYwithTLSRPT", &many(n)) else { panic!() };
        assert!(value.len() + 3 <= MAX_REPLY);
        let all = value.matches("mx_host_pattern=").count();
        assert!(all == n && value.matches("policy_string").count() == n + 3 || !value.contains("policy_"), "{n}");
        assert_eq!(value.matches(".example").count().min(n), n);
    }
    let Reply::Ok(most) = pure("QUERYwithTLSRPT", &many(1_230)) else { panic!() };
    let Reply::Ok(over) = pure("QUERYwithTLSRPT", &many(1_280)) else { panic!() };
    assert!(most.contains("policy_type") && !over.contains("policy_type"));
}
