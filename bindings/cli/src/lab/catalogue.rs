//! The scenario domains of the lab.

use super::scenario::{ENFORCE, Scenario};
use mta_sts::core::Intent;
use mta_sts_lab::{Address, Answer, Framing, MxHost, PolicyHost, Record, RecordType, Reply, Response, San, Tls};
use std::{net::Ipv4Addr, time::Duration};

const TO_MX: &str = "mx.@, verified TLS";
const TO_MX_ANY: &str = "mx.@, any TLS";
const DAY: i64 = 86_400;

/// All of them, in the order in which they are shown.
pub(crate) fn scenarios(has_ipv6: bool) -> Vec<Scenario> {
    let mut all = policies();
    all.extend(records());
    all.extend(responses());
    all.extend(certificates());
    all.extend(addresses(has_ipv6));
    all.extend(mx_hosts());
    all.extend(shared_mx_hosts());
    all.extend(dane());
    all.extend(lives());
    all
}

/// What a policy says.
fn policies() -> Vec<Scenario> {
    let with = |label, what, policy: &'static str, expected| {
        Scenario::new(label, what, move |site| site.good_dns().policy(policy), expected)
    };
    vec![
        Scenario::new("enforce", "a valid policy in enforce mode", |site| site.good(), ["enforce", "", TO_MX]),
        with(
            "testing",
            "testing mode, and an MX host that the policy does not name",
            "version: STSv1\r\nmode: testing\r\nmx: other.example\r\nmax_age: 86400\r\n",
            ["testing", "", TO_MX_ANY],
        ),
        Scenario::new(
            "testing-cert",
            "testing mode, and a self-signed certificate of the MX host",
            |site| {
                let site = site.good().policy("version: STSv1\r\nmode: testing\r\nmx: mx.@\r\nmax_age: 86400\r\n");
                site.mx(&[(10, "mx.@", Tls::SelfSigned.into())])
            },
            ["testing", "", TO_MX_ANY],
        ),
        with(
            "wildcard",
            "the policy names all hosts below the domain",
            "version: STSv1\nmode: enforce\nmx: *.@\nmax_age: 604800\n",
            ["enforce", "", TO_MX],
        ),
        with("none", "mode none", "version: STSv1\nmode: none\nmax_age: 86400\n", ["no policy", "", TO_MX_ANY]),
        with(
            "invalid",
            "a policy with a misspelt mode",
            "version: STSv1\nmode: enforced\nmx: mx.@\nmax_age: 86400\n",
            ["no policy", "invalid policy", TO_MX_ANY],
        ),
        with(
            "no-mx",
            "an enforce policy that names no MX host",
            "version: STSv1\nmode: enforce\nmax_age: 86400\n",
            ["no policy", "invalid policy", TO_MX_ANY],
        ),
        with(
            "bad-mx-line",
            "one mx line is not a host name, another is good",
            "version: STSv1\nmode: enforce\nmx: *\nmx: mx.@\nmax_age: 86400\n",
            ["enforce", "", TO_MX],
        ),
        with(
            "max-age-zero",
            "max_age 0: the policy governs the delivery that fetched it",
            "version: STSv1\nmode: enforce\nmx: mx.@\nmax_age: 0\n",
            ["enforce", "", TO_MX],
        ),
    ]
}

/// What DNS says.
fn records() -> Vec<Scenario> {
    let with = |label, what, txt: &'static [&'static str], expected| {
        Scenario::new(label, what, move |site| site.good().txt(txt), expected)
    };
    let answering = |label, what, answer: Answer, failure| {
        let expected = ["no policy", failure, TO_MX_ANY];
        Scenario::new(label, what, move |site| site.good().dns("_mta-sts.@", RecordType::Txt, answer.clone()), expected)
    };
    vec![
        answering("no-record", "no TXT record (NXDOMAIN)", Answer::NxDomain, ""),
        answering("no-data", "the name exists, but has no TXT record", Answer::Records(Vec::new()), ""),
        answering("servfail", "DNS fails", Answer::ServFail, "DNS"),
        answering("refused", "the name server refuses", Answer::Refused, "DNS"),
        answering("dns-timeout", "the name server does not answer", Answer::Silence, "DNS"),
        with(
            "two-records",
            "two STSv1 records",
            &["v=STSv1; id=1;", "v=STSv1; id=2;"],
            ["no policy", "bad record", TO_MX_ANY],
        ),
        with("bad-id", "a hyphen in the id", &["v=STSv1; id=2026-01-01;"], ["no policy", "bad record", TO_MX_ANY]),
        with(
            "unrelated",
            "other TXT records at the name",
            &["v=spf1 -all", "v=STSv1; id=1;", "x"],
            ["enforce", "", TO_MX],
        ),
        Scenario::new(
            "split-strings",
            "the record is split into several strings",
            |site| {
                let strings = ["v=STS", "v1; id=20", "26;"].map(|s| s.as_bytes().to_vec());
                let record = Answer::Records(vec![Record::Txt(strings.to_vec())]);
                site.good().dns("_mta-sts.@", RecordType::Txt, record)
            },
            ["enforce", "", TO_MX],
        ),
        Scenario::new(
            "cname",
            "record and policy host are delegated by CNAME",
            |site| {
                let site = site.good();
                site.world.host_address(&site.name("web.provider-of.@"), &[Ipv4Addr::LOCALHOST.into()]);
                site.world.txt(&site.name("_mta-sts.provider-of.@"), &["v=STSv1; id=1;"]);
                site.world.cname(&site.name("_mta-sts.@"), &site.name("_mta-sts.provider-of.@"));
                site.world.cname(&site.name("mta-sts.@"), &site.name("web.provider-of.@"));
                site
            },
            ["enforce", "", TO_MX],
        ),
        Scenario::new(
            "search",
            "no record, but a wildcard record in a search domain: it must not be asked",
            |site| {
                let wildcard = Answer::Records(vec![Record::txt("v=STSv1; id=1;")]);
                site.world.set_wildcard("search-list.test", RecordType::Txt, wildcard);
                site.good().dns("_mta-sts.@", RecordType::Txt, Answer::NxDomain)
            },
            ["no policy", "", TO_MX_ANY],
        ),
        Scenario::new(
            "xn--bcher-kva",
            "an internationalised domain (bücher.test)",
            |site| site.good(),
            ["enforce", "", TO_MX],
        ),
    ]
}

/// What the policy host responds.
fn responses() -> Vec<Scenario> {
    fn with(
        label: &str,
        what: &'static str,
        response: impl Fn(Response) -> Response + Send + Sync + 'static,
        expected: [&str; 3],
    ) -> Scenario {
        Scenario::new(label, what, move |site| site.good_dns().responds(&response), expected)
    }
    let fails = |failure| ["no policy", failure, TO_MX_ANY];
    let status = |status| move |response| Response { status, ..response };
    vec![
        with("status-404", "404 Not Found", status(404), fails("status 404")),
        with("status-500", "500 with a valid policy", status(500), fails("status 500")),
        with("status-204", "204 No Content", |r| Response { status: 204, body: Vec::new(), ..r }, fails("status 204")),
        with(
            "redirect-301",
            "301 to another host",
            |r| redirect(r, 301, "https://www.example.com/"),
            fails("status 301"),
        ),
        Scenario::new(
            "redirect-302",
            "302 to a valid policy on the same host: must not be followed",
            |site| {
                let body = site.name(ENFORCE);
                let reply = Reply::Response(redirect(Response::text(""), 302, "/real.txt"));
                let elsewhere = vec![("/real.txt".to_owned(), Response::text(body))];
                site.good_dns().policy_host(PolicyHost { reply, elsewhere, ..PolicyHost::default() })
            },
            fails("status 302"),
        ),
        with(
            "html",
            "served as text/html",
            |r| Response { content_type: vec!["text/html".into()], ..r },
            fails("media type"),
        ),
        with(
            "no-type",
            "served without a Content-Type",
            |r| Response { content_type: Vec::new(), ..r },
            ["enforce", "", TO_MX],
        ),
        with(
            "two-types",
            "two Content-Type fields",
            |r| Response { content_type: vec!["text/plain".into(), "text/html".into()], ..r },
            fails("media type"),
        ),
        with(
            "gzip",
            "a body that is gzip-encoded though nobody asked",
            |r| Response { gzip: true, ..r },
            fails("encoding"),
        ),
        with("too-large", "more than 64 KiB", |r| r.padded_to(65_537), fails("too large")),
        with(
            "endless",
            "a body without end",
            |r| Response { endless: true, framing: Framing::Chunked, ..r },
            fails("too large"),
        ),
        with("largest", "exactly 64 KiB", |r| r.padded_to(65_536), ["enforce", "", TO_MX]),
        with(
            "slow",
            "a byte a second",
            |r| Response { octet_delay: Some(Duration::from_secs(1)), ..r },
            fails("time-out"),
        ),
        with(
            "short",
            "a body shorter than its Content-Length",
            |r| Response { truncated: true, ..r },
            fails("incomplete"),
        ),
        with(
            "cut-chunks",
            "a chunked body without its last chunk",
            |r| Response { framing: Framing::Chunked, truncated: true, ..r },
            fails("incomplete"),
        ),
        with(
            "no-close-notify",
            "a body that ends when the connection does, without close_notify",
            |r| Response { framing: Framing::Close, close_notify: false, ..r },
            fails("incomplete"),
        ),
        with("continue", "100 Continue first", |r| Response { interim: vec![100], ..r }, ["enforce", "", TO_MX]),
        Scenario::new(
            "silent",
            "a policy host that accepts the request and never answers",
            |site| site.good_dns().policy_host(PolicyHost { reply: Reply::Silence, ..PolicyHost::default() }),
            fails("time-out"),
        ),
    ]
}

fn redirect(response: Response, status: u16, location: &str) -> Response {
    Response { status, headers: vec![("Location".to_owned(), location.to_owned())], ..response }
}

/// What certificate the policy host shows.
fn certificates() -> Vec<Scenario> {
    let with = |label: &str, what, tls: Tls, expected| {
        Scenario::new(label, what, move |site| site.good_dns().certificate(tls.clone()), expected)
    };
    let refused = ["no policy", "certificate", TO_MX_ANY];
    let names = |names: &[&str], cn: Option<&str>| Tls::Names {
        san: names.iter().map(|name| San::Dns((*name).to_owned())).collect(),
        cn: cn.map(str::to_owned),
    };
    vec![
        with("expired-cert", "the policy host's certificate has expired", Tls::Expired, refused),
        with("future-cert", "the policy host's certificate is not valid yet", Tls::NotYetValid, refused),
        with("wrong-name", "the certificate names another host", names(&["www.wrong-name.test"], None), refused),
        with(
            "cn-only",
            "the host is named in the CN alone",
            names(&["cn-only.test"], Some("mta-sts.cn-only.test")),
            refused,
        ),
        with("self-signed", "a self-signed certificate", Tls::SelfSigned, refused),
        with("unknown-ca", "a certificate of an unknown CA", Tls::UnknownCa, refused),
        with("no-intermediate", "the intermediate certificate is not sent", Tls::MissingIntermediate, refused),
        with("wildcard-cert", "a wildcard certificate", names(&["*.wildcard-cert.test"], None), ["enforce", "", TO_MX]),
        with("old-tls", "a policy host that speaks TLS 1.1 at most", Tls::Tls11Only, ["no policy", "TLS", TO_MX_ANY]),
    ]
}

/// Where the policy host is.
fn addresses(has_ipv6: bool) -> Vec<Scenario> {
    let at = |label, what, address: Address, expected| {
        Scenario::new(label, what, move |site| site.good_dns().at(address), expected)
    };
    let fails = |failure| ["no policy", failure, TO_MX_ANY];
    let mut all = vec![
        Scenario::new("no-policy-host", "a record, but no policy host", |site| site.good_dns(), fails("no address")),
        at("no-connection", "the policy host refuses connections", Address::Refused, fails("no connection")),
        at(
            "second-address",
            "only the second address of the policy host answers",
            Address::SecondOfTwo,
            ["enforce", "", TO_MX],
        ),
        Scenario::new(
            "private",
            "the policy host has a private address: must not be connected to",
            |site| {
                site.good().dns("mta-sts.@", RecordType::A, Answer::Records(vec![Record::A([192, 168, 0, 1].into())]))
            },
            fails("address not allowed"),
        ),
    ];
    if has_ipv6 {
        all.push(at("ipv6", "the policy host has an IPv6 address only", Address::V6Only, ["enforce", "", TO_MX]));
    }
    all
}

/// What the MX hosts are like.
fn mx_hosts() -> Vec<Scenario> {
    fn with(label: &str, what: &'static str, hosts: Vec<(u16, &'static str, MxHost)>, delivery: &str) -> Scenario {
        Scenario::new(label, what, move |site| site.good().mx(&hosts), ["enforce", "", delivery])
    }
    let good = MxHost::default;
    vec![
        with("mismatch", "the MX host is not in the policy", vec![(10, "other.@", good())], "defer"),
        with(
            "one-of-two",
            "the first MX host is not in the policy, the second is",
            vec![(10, "a.@", good()), (20, "mx.@", good())],
            TO_MX,
        ),
        with(
            "first-down",
            "the first MX host is down",
            vec![(10, "mx.@", MxHost { reachable: false, ..good() }), (20, "other.@", good())],
            "defer",
        ),
        Scenario::new(
            "wildcard-depth",
            "a wildcard stands for one label, the MX host has two",
            |site| {
                let site = site.good_dns().policy("version: STSv1\nmode: enforce\nmx: *.@\nmax_age: 604800\n");
                site.mx(&[(10, "a.b.@", MxHost::default())])
            },
            ["enforce", "", "defer"],
        ),
        with(
            "no-starttls",
            "the MX host has no STARTTLS",
            vec![(10, "mx.@", MxHost { starttls: false, ..good() })],
            "defer",
        ),
        with("mx-expired", "the MX host's certificate has expired", vec![(10, "mx.@", Tls::Expired.into())], "defer"),
        with(
            "mx-self-signed",
            "the MX host's certificate is self-signed",
            vec![(10, "mx.@", Tls::SelfSigned.into())],
            "defer",
        ),
        with(
            "mx-unknown-ca",
            "the MX host's certificate is from an unknown CA",
            vec![(10, "mx.@", Tls::UnknownCa.into())],
            "defer",
        ),
        with(
            "mx-wrong-name",
            "the MX host's certificate names another host",
            vec![(10, "mx.@", Tls::Names { san: vec![San::Dns("mx.example".to_owned())], cn: None }.into())],
            "defer",
        ),
        Scenario::new(
            "borrowed-name",
            "the MX host is not in the policy, its certificate is for a host that is",
            |site| {
                let tls = Tls::Names { san: vec![San::Dns(site.name("mx.@"))], cn: None };
                site.good().mx(&[(10, "other.@", tls.into())])
            },
            ["enforce", "", "defer"],
        ),
        Scenario::new(
            "implicit-mx",
            "no MX record: the domain itself is the MX host",
            |site| {
                let site =
                    site.txt(&["v=STSv1; id=1;"]).policy("version: STSv1\nmode: enforce\nmx: @\nmax_age: 604800\n");
                site.server("@", MxHost::default())
            },
            ["enforce", "", "@, verified TLS"],
        ),
        Scenario::new(
            "null-mx",
            "the domain takes no mail (RFC 7505)",
            |site| {
                let site = site.good();
                site.world.mx(&site.name("@"), &[(0, ".")]);
                site
            },
            ["enforce", "", "none: the domain takes no mail"],
        ),
    ]
}

/// Domains that share an MX host: what one of them is refused must not delay the mail of another.
fn shared_mx_hosts() -> Vec<Scenario> {
    const GOOD: &str = "mx.shared-mx.test";
    const BAD: &str = "mx.shared-bad-mx.test";
    vec![
        Scenario::new(
            "shared-mx",
            "the MX host is that of other domains, too",
            |site| site.good(),
            ["enforce", "", TO_MX],
        ),
        Scenario::new(
            "shared-mx-refused",
            "the same MX host, which this policy does not name",
            |site| site.good().mx(&[(10, GOOD, MxHost::default())]),
            ["enforce", "", "defer"],
        ),
        Scenario::new(
            "shared-mx-plain",
            "the same MX host, and no policy",
            |site| site.mx(&[(10, GOOD, MxHost::default())]),
            ["no policy", "", "mx.shared-mx.test, any TLS"],
        ),
        Scenario::new(
            "shared-bad-mx",
            "the MX host's certificate is self-signed, and other domains have this host, too",
            |site| site.good().mx(&[(10, BAD, Tls::SelfSigned.into())]),
            ["enforce", "", "defer"],
        ),
        Scenario::new(
            "shared-bad-mx-plain",
            "the same MX host, and no policy",
            |site| site.mx(&[(10, BAD, Tls::SelfSigned.into())]),
            ["no policy", "", "mx.shared-bad-mx.test, any TLS"],
        ),
    ]
}

/// DANE (RFC 7672) beside MTA-STS, which must not override it (RFC 8461 §2).
fn dane() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "dane",
            "DANE vouches for a certificate of an unknown CA",
            |site| site.good().mx(&[(10, "mx.@", Tls::UnknownCa.into())]).secure().tlsa("mx.@"),
            ["enforce", "", TO_MX],
        ),
        Scenario::new(
            "dane-wrong",
            "a certificate of a known CA, and TLSA records of another",
            |site| site.good().secure().tlsa_of("mx.@", vec![0; 32]),
            ["enforce", "", "defer"],
        ),
        Scenario::new(
            "dane-alone",
            "DANE without MTA-STS",
            |site| {
                let site = site.mx(&[(10, "mx.@", Tls::UnknownCa.into())]);
                site.secure().tlsa("mx.@")
            },
            ["no policy", "", TO_MX],
        ),
    ]
}

/// What happens to a policy in time.
fn lives() -> Vec<Scenario> {
    let begin = |label, what| Scenario::new(label, what, |site| site.good(), ["enforce", "", TO_MX]);
    let moved = "version: STSv1\nmode: enforce\nmx: new.@\nmax_age: 604800\n";
    vec![
        begin("update", "a new policy under a new id is taken over")
            .then(60, move |site| site.txt(&["v=STSv1; id=2;"]).policy(moved), ["enforce", "", "defer"])
            .then(120, |site| site.mx(&[(10, "new.@", MxHost::default())]), ["enforce", "", "new.@, verified TLS"]),
        begin("update-fails", "a new id whose policy cannot be fetched: the old policy stays")
            .then(
                60,
                |site| site.txt(&["v=STSv1; id=2;"]).responds(|r| Response { status: 500, ..r }),
                ["enforce", "status 500", TO_MX],
            )
            .then(120, |site| site.policy(ENFORCE), ["enforce", "back-off", TO_MX])
            .then(400, |site| site, ["enforce", "", TO_MX]),
        begin("txt-removed", "the record vanishes: the cached policy stays until it expires")
            .then(
                DAY,
                |site| site.dns("_mta-sts.@", RecordType::Txt, Answer::NxDomain),
                ["enforce", "no record", TO_MX],
            )
            .then(7 * DAY, |site| site, ["no policy", "", TO_MX_ANY]),
        begin("dns-lost", "DNS fails while a policy is cached: it is applied").then(
            60,
            |site| site.dns("_mta-sts.@", RecordType::Txt, Answer::ServFail),
            ["enforce", "DNS", TO_MX],
        ),
        begin("expired-cache", "the cached policy expires and the policy host is gone").then(
            7 * DAY,
            |site| site.at(Address::None),
            ["no policy", "no address", TO_MX_ANY],
        ),
        begin("clock-steps", "the sender's clock steps back and forth")
            .then(-DAY, |site| site, ["enforce", "", TO_MX])
            .then(
                -30 * DAY,
                |site| site.dns("_mta-sts.@", RecordType::Txt, Answer::ServFail),
                ["no policy", "DNS", TO_MX_ANY],
            )
            .then(60, |site| site, ["enforce", "DNS", TO_MX]),
        begin("bounce", "before a message is returned the id is asked for again")
            .then(30, |site| site.mx(&[(10, "new.@", MxHost::default())]), ["enforce", "", "defer"])
            .then_for(
                Intent::BeforeBounce,
                60,
                move |site| site.txt(&["v=STSv1; id=2;"]).policy(moved),
                ["enforce", "", "new.@, verified TLS"],
            ),
        begin("leaving", "the domain leaves MTA-STS by mode none")
            .then(
                60,
                |site| site.txt(&["v=STSv1; id=2;"]).policy("version: STSv1\nmode: none\nmax_age: 86400\n"),
                ["no policy", "", TO_MX_ANY],
            )
            .then(120, |site| site.dns("_mta-sts.@", RecordType::Txt, Answer::NxDomain), ["no policy", "", TO_MX_ANY]),
        begin("refresh", "a refresh goes on without the record")
            .then_for(
                Intent::Refresh,
                5 * DAY,
                |site| site.dns("_mta-sts.@", RecordType::Txt, Answer::NxDomain),
                ["enforce", "no record", TO_MX],
            )
            .then(10 * DAY, |site| site, ["enforce", "no record", TO_MX]),
    ]
}
