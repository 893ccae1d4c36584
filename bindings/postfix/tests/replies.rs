//! What Postfix is told, case by case. The rows are those in which postfix-mta-sts-resolver and
//! postfix-tlspol were compared; their names name them.

mod common;

use common::*;
use mta_sts::{Decision, Domain, Freshness, Intent, Policy, Resolver, core::socketmap::MAX_REPLY};
use mta_sts_lab::{Answer, Lab, PolicyHost, Record, RecordType, Response, Tls, World};
use mta_sts_postfix::{Limits, Listener, Reply, Server, Service, Zone, Zones, reply};
use std::sync::Arc;
use tokio::net::TcpStream;

const NOT_FOUND: &str = "NOTFOUND ";
const FOUND: &str = "OK secure match=mail.D:.D servername=hostname";
const ONLY_MAIL: &str = "OK secure match=mail.D servername=hostname";
const WITH_TLSRPT: &str = "OK secure match=mail.D:.D servername=hostname policy_type=sts policy_domain=D \
    mx_host_pattern=mail.D mx_host_pattern=*.D { policy_string = version: STSv1 } { policy_string = mode: enforce } \
    { policy_string = mx: mail.D } { policy_string = mx: *.D } { policy_string = max_age: 86400 }";

fn zones() -> Zones {
    let strict = Zone { strict_testing: true, ..Zone::new("strict") };
    let no_sni = Zone { require_sni: false, ..Zone::new("no-sni") };
    Zones::new(Zone::new("default"), [strict, no_sni])
}

/// A case: how the domain is set up, and what is asked and answered. `D` stands for the domain.
struct Row {
    name: &'static str,
    setup: Setup,
    asks: Vec<Ask>,
    then: Option<Then>,
}

type Setup = Box<dyn Fn(&World, &str)>;

enum Ask {
    /// A map, a key and the reply.
    For(&'static str, &'static str, &'static str),
    /// Octets after which the connection is closed without a reply.
    Broken(&'static [u8]),
}

/// What happens later, so many seconds after the first asks.
struct Then {
    after: u64,
    setup: Setup,
    /// The refresher has been there.
    refreshed: bool,
    asks: Vec<Ask>,
}

fn row(
    name: &'static str,
    setup: impl Fn(&World, &str) + 'static,
    asks: &[(&'static str, &'static str, &'static str)],
) -> Row {
    let asks = asks.iter().map(|&(map, key, reply)| Ask::For(map, key, reply)).collect();
    Row { name, setup: Box::new(setup), asks, then: None }
}

/// The same reply for the names of both daemons.
fn both(name: &'static str, setup: impl Fn(&World, &str) + 'static, reply: &'static str) -> Row {
    row(name, setup, &[("postfix", "D", reply), ("QUERY", "D", reply)])
}

impl Row {
    /// A cached policy, and what becomes of it.
    fn then(self, after: u64, setup: impl Fn(&World, &str) + 'static, reply: &'static str) -> Self {
        let asks = vec![Ask::For("postfix", "D", reply), Ask::For("QUERY", "D", reply)];
        Self { then: Some(Then { after, setup: Box::new(setup), refreshed: false, asks }), ..self }
    }

    fn refreshed(self) -> Self {
        Self { then: self.then.map(|then| Then { refreshed: true, ..then }), ..self }
    }
}

fn enforce(world: &World, domain: &str) {
    publish(world, domain, "1", PolicyHost::serving(policy("enforce", domain)));
}

/// A policy in mode `enforce` with these lines in place of its MX patterns.
fn lines(lines: &'static str) -> impl Fn(&World, &str) {
    move |world, domain| {
        let lines = at(domain, lines);
        let text = format!("version: STSv1\nmode: enforce\n{lines}\nmax_age: 86400\n");
        publish(world, domain, "1", PolicyHost::serving(text));
    }
}

/// The usual policy with one thing changed.
fn changed(from: &'static str, to: &'static str) -> impl Fn(&World, &str) {
    move |world, domain| {
        let text = policy("enforce", domain).replace(from, to);
        publish(world, domain, "1", PolicyHost::serving(text));
    }
}

fn records(texts: &'static [&'static str]) -> impl Fn(&World, &str) {
    move |world, domain| {
        enforce(world, domain);
        world.txt(&format!("_mta-sts.{domain}"), texts);
    }
}

fn dns(answer: Answer) -> impl Fn(&World, &str) {
    move |world, domain| {
        enforce(world, domain);
        world.set(&format!("_mta-sts.{domain}"), RecordType::Txt, answer.clone());
    }
}

/// The usual policy, served in another way.
fn served(response: impl Fn(Response) -> Response) -> impl Fn(&World, &str) {
    move |world, domain| publish(world, domain, "1", response(Response::text(policy("enforce", domain))))
}

fn media_type(text: &'static str) -> impl Fn(&World, &str) {
    served(move |response| Response { content_type: vec![text.to_owned()], ..response })
}

fn bad_certificate(world: &World, domain: &str) {
    let host = PolicyHost { tls: Tls::UnknownCa, ..PolicyHost::serving(policy("enforce", domain)) };
    publish(world, domain, "1", host);
}

fn secure_dane(world: &World, domain: &str) {
    enforce(world, domain);
    world.set_secure(domain, true);
    world.mx(domain, &[(10, &format!("mail.{domain}"))]);
    world.host_address(&format!("mail.{domain}"), &["127.0.0.1".parse().unwrap()]);
    let tlsa = Record::Tlsa { usage: 3, selector: 1, matching: 1, data: vec![7; 32] };
    world.set(&format!("_25._tcp.mail.{domain}"), RecordType::Tlsa, Answer::Records(vec![tlsa]));
}

fn mx_servfail(world: &World, domain: &str) {
    enforce(world, domain);
    world.set(domain, RecordType::Mx, Answer::ServFail);
}

fn rows() -> Vec<Row> {
    let query = |name, setup: fn(&World, &str), reply| row(name, setup, &[("QUERYwithTLSRPT", "D", reply)]);
    let key = |name, key| row(name, enforce, &[("postfix", key, NOT_FOUND), ("QUERY", key, NOT_FOUND)]);
    let smart_host = |name, key| row(name, enforce, &[("postfix", key, FOUND), ("QUERY", key, NOT_FOUND)]);
    let broken = |octets| Row { asks: vec![Ask::Broken(octets)], ..row("broken netstring", enforce, &[]) };
    let modes = [("postfix", "D", NOT_FOUND), ("QUERY", "D", NOT_FOUND), ("QUERYwithTLSRPT", "D", NOT_FOUND)];
    vec![
        both("enforce", enforce, FOUND),
        row("enforce, require_sni:false", enforce, &[("no-sni", "D", "OK secure match=mail.D:.D")]),
        row("enforce + TLSRPT", enforce, &[("postfixwithTLSRPT", "D", WITH_TLSRPT)]),
        query("enforce + TLSRPT", enforce, WITH_TLSRPT),
        row("testing", changed("enforce", "testing"), &modes),
        row("testing, strict_testing", changed("enforce", "testing"), &[("strict", "D", FOUND)]),
        row("none", changed("enforce", "none"), &modes),
        both("no TXT (NXDOMAIN)", dns(Answer::NxDomain), NOT_FOUND),
        both("TXT SERVFAIL, no cache", dns(Answer::ServFail), NOT_FOUND),
        both("TXT timeout, no cache", dns(Answer::Silence), NOT_FOUND),
        both("MX SERVFAIL but STS enforce OK", mx_servfail, FOUND),
        both("policy host 404", served(|_| Response::status(404)), NOT_FOUND),
        both("policy host 301", served(|_| Response::status(301)), NOT_FOUND),
        both("policy host 500", served(|_| Response::status(500)), NOT_FOUND),
        both("policy host text/html", media_type("text/html"), NOT_FOUND),
        both("policy host >64 KiB", served(|response| response.padded_to(65_537)), NOT_FOUND),
        both("policy host bad cert", bad_certificate, NOT_FOUND),
        both("`text/plain; charset=utf-8`", media_type("text/plain; charset=utf-8"), FOUND),
        both("enforce w/o mx", lines("x: y"), NOT_FOUND),
        both("two valid TXT", records(&["v=STSv1; id=1;", "v=STSv1; id=2;"]), NOT_FOUND),
        both("TXT without id", records(&["v=STSv1;"]), NOT_FOUND),
        both("other TXT + one STS", records(&["something else", "v=STSv1; id=1;"]), FOUND),
        both("id 36 chars", records(&["v=STSv1; id=abcdefghijklmnopqrstuvwxyz0123456789;"]), NOT_FOUND),
        both("`v=STSv1 ; id=x ;`", records(&["v=STSv1 ; id=x ;"]), FOUND),
        both("`v=STSv1; id=abc`", records(&["v=STSv1; id=abc"]), FOUND),
        both("LF-only lines", enforce, FOUND),
        both("CRLF lines", changed("\n", "\r\n"), FOUND),
        both(
            "duplicate mode: testing then enforce",
            changed("mode: enforce", "mode: testing\nmode: enforce"),
            NOT_FOUND,
        ),
        both("blank line in policy", changed("mode", "\nmode"), FOUND),
        both("`mode : enforce` (space before colon)", changed("mode:", "mode :"), NOT_FOUND),
        both("mx: 192.0.2.1 + name", lines("mx: 192.0.2.1\nmx: mail.D"), ONLY_MAIL),
        both("mx: 192.0.2.1 alone", lines("mx: 192.0.2.1"), NOT_FOUND),
        both("`mx: mail.D protocols=SSLv3`", lines("mx: mail.D protocols=SSLv3"), NOT_FOUND),
        both("`mx: mail.D protocols=SSLv3` + name", lines("mx: mail.D protocols=SSLv3\nmx: mail.D"), ONLY_MAIL),
        both("`mx: *`", lines("mx: *"), NOT_FOUND),
        both("`mx: mail.D:25`", lines("mx: mail.D:25"), NOT_FOUND),
        both("`mx: MAIL.D`", lines("mx: MAIL.D"), ONLY_MAIL),
        both("max_age: 0", changed("max_age: 86400", "max_age: 0"), FOUND),
        both("max_age: 99999999", changed("max_age: 86400", "max_age: 99999999"), FOUND),
        row(
            "`foo: bar {x} baz` ext, TLSRPT",
            changed("max_age", "foo: bar {x} baz\nmax_age"),
            &[("postfixwithTLSRPT", "D", WITH_TLSRPT), ("QUERYwithTLSRPT", "D", WITH_TLSRPT)],
        ),
        // The name of the drop-in leaves DANE to Postfix; the unit tests of the ruling have the others.
        row(
            "DANE all-usable + STS",
            secure_dane,
            &[
                ("postfix", "D", FOUND),
                ("dane", "D", "OK dane-only"),
                ("QUERY", "D", "OK dane-only"),
                ("QUERYwithTLSRPT", "D", "OK dane-only"),
            ],
        ),
        key("`.D` parent-domain key", ".D"),
        key("sub.D", "sub.D"),
        smart_host("`[D]`", "[D]"),
        smart_host("`[D]:25`", "[D]:25"),
        smart_host("`D:587`", "D:587"),
        key("IPs", "192.0.2.1"),
        key("`[192.0.2.1]`", "[192.0.2.1]"),
        key("v6", "2001:db8::1"),
        row("`D.`", enforce, &[("postfix", "D.", FOUND), ("query", "D.", FOUND)]),
        row(
            "upper case",
            |world, _| enforce(world, "upper.test"),
            &[("postfix", "Upper.TEST", UPPER), ("query", "UPPER.test", UPPER)],
        ),
        key("user@D", "user@D"),
        row("unknown map name", enforce, &[("whatever", "D", FOUND), ("", "D", FOUND)]),
        row("`QUERY` w/o key", enforce, &[("QUERY", "", NOT_FOUND), ("postfix", "", NOT_FOUND)]),
        broken(b"GET / HTTP/1.1\r\n\r\n"),
        broken(b"01:a,"),
        broken(b"7:postfix;"),
        both("TXT removed while cached", enforce, FOUND).then(
            400,
            |world, domain| world.remove(&format!("_mta-sts.{domain}"), RecordType::Txt),
            FOUND,
        ),
        both("id changed + policy now none", enforce, FOUND).then(
            400,
            |world, domain| {
                publish(world, domain, "2", PolicyHost::serving("version: STSv1\nmode: none\nmax_age: 86400\n"));
            },
            NOT_FOUND,
        ),
        // The refresher fetches by itself at half of max_age.
        both("policy text changed, id same", enforce, FOUND)
            .then(
                43_700,
                |world, domain| {
                    let text = policy("enforce", domain).replace("*.", "new.");
                    world.policy_host(&format!("mta-sts.{domain}"), PolicyHost::serving(text));
                },
                "OK secure match=mail.D:new.D servername=hostname",
            )
            .refreshed(),
    ]
}

const UPPER: &str = "OK secure match=mail.upper.test:.upper.test servername=hostname";

/// The text for a domain, which `D` stands for.
fn at(domain: &str, text: &str) -> String {
    let is_fixed = [NOT_FOUND, UPPER].contains(&text) || text.eq_ignore_ascii_case("upper.test");
    if is_fixed { text.to_owned() } else { text.replace('D', domain) }
}

#[tokio::test]
async fn every_case_of_the_comparison() {
    let lab = Lab::start().await.unwrap();
    for (i, row) in rows().iter().enumerate() {
        let domain = format!("row{i}.test");
        (row.setup)(lab.world(), &domain);
        let clock = Hands::new();
        let builder = patient(&lab).dane(true).clock(clock.clone());
        // What was cached is checked before the answer, so that nothing has to be waited for here.
        let freshness = if row.then.is_some() { Freshness::Checked } else { Freshness::default() };
        let resolver = builder.freshness(freshness).build().unwrap();
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.tcp_addr().unwrap();
        let _server = Server::start(Service::new(resolver.clone(), zones()), [listener], Limits::default());
        let mut client = Client::new(TcpStream::connect(address).await.unwrap());
        check(row.name, &row.asks, &domain, &mut client).await;
        if let Some(then) = &row.then {
            clock.forward(then.after);
            (then.setup)(lab.world(), &domain);
            refresh(then, &resolver, &domain).await;
            check(row.name, &then.asks, &domain, &mut client).await;
        }
    }
}

async fn refresh(then: &Then, resolver: &Resolver, domain: &str) {
    if then.refreshed {
        resolver.resolve_with(&Domain::from_ascii(domain).unwrap(), Intent::Refresh).await;
    }
}

async fn check(name: &str, asks: &[Ask], domain: &str, client: &mut Client<TcpStream>) {
    for ask in asks {
        match ask {
            Ask::For(map, key, reply) => {
                assert_eq!(client.ask(map, &at(domain, key)).await, at(domain, reply), "{name}: {map} {key}");
            }
            Ask::Broken(octets) => {
                client.send(octets).await;
                assert_eq!(client.reply().await, None, "{name}: close, no reply");
            }
        }
    }
}

/// The reply to a policy in mode `enforce`, without any IO.
fn pure(map: &str, lines: &str) -> Reply {
    let text = format!("version: STSv1\nmode: enforce\n{lines}max_age: 86400\n");
    let decision = Decision::Enforce(Arc::new(Policy::parse(text.as_bytes()).unwrap()));
    reply(zones().get(map.as_bytes()), &Domain::from_ascii("example.test").unwrap(), &decision)
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
