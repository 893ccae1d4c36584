//! Whether Postfix is set up for the daemon, and the daemon for this Postfix.

use super::{
    facts::Facts,
    finding::Finding,
    postfix::{Postfix, Service},
};
use crate::query::via::{Place, Server};
use mta_sts_postfix::{Asked, DaneMode, config::Dnssec};
use std::path::{Path, PathBuf};

/// An entry of smtp_tls_policy_maps that leads to the daemon.
struct Ours {
    server: Server,
    asked: Asked,
    /// Asked by proxymap(8), which runs outside the chroot.
    by_proxy: bool,
}

pub(super) fn look(postfix: &Postfix, facts: &Facts) -> Vec<Finding> {
    let maps = postfix.get("smtp_tls_policy_maps");
    let ours = ours(postfix, maps, facts);
    let mut findings = vec![
        Finding::ok("postfix", "Postfix", format!("version {}", postfix.get("mail_version"))),
        asks(maps, &ours, facts),
    ];
    findings.extend(overrides(postfix, facts));
    for ours in &ours {
        findings.extend(version(postfix, ours));
        findings.extend(dane(postfix, ours, facts.dnssec));
        findings.extend(chroot(postfix, ours));
    }
    findings.push(authorities(postfix));
    findings.push(level(postfix));
    findings
}

/// The entries of a list of tables that lead to the daemon.
fn ours(postfix: &Postfix, maps: &str, facts: &Facts) -> Vec<Ours> {
    let entries = maps.split(|c: char| c == ',' || c.is_ascii_whitespace());
    let ours = entries.filter_map(|entry| {
        let (entry, by_proxy) = entry.strip_prefix("proxy:").map_or((entry, false), |entry| (entry, true));
        let server: Server = entry.strip_prefix("socketmap:")?.parse().ok()?;
        let is_ours = facts.sockets.iter().any(|socket| is_same(socket.place(), server.place(), postfix));
        let asked = facts.zones.get(server.map()?.as_bytes()).clone();
        is_ours.then_some(Ours { server, asked, by_proxy })
    });
    ours.collect()
}

fn is_same(socket: &Place, named: &Place, postfix: &Postfix) -> bool {
    match (socket, named) {
        (Place::Tcp(host, port), Place::Tcp(other, other_port)) => {
            let is_here = |host: &str| {
                host == "localhost"
                    || host.parse().is_ok_and(|ip: core::net::IpAddr| ip.is_loopback() || ip.is_unspecified())
            };
            port == other_port && (host == other || (is_here(host) && is_here(other)))
        }
        (Place::Unix(path), Place::Unix(other)) => path == other || *path == in_queue(postfix, other),
        _ => false,
    }
}

/// A path as a process in the chroot sees it; a relative one is the same outside.
fn in_queue(postfix: &Postfix, path: &Path) -> PathBuf {
    let queue = Path::new(postfix.get("queue_directory"));
    queue.join(path.strip_prefix("/").unwrap_or(path))
}

fn asks(maps: &str, ours: &[Ours], facts: &Facts) -> Finding {
    if !ours.is_empty() {
        return Finding::ok("policy-maps", "smtp_tls_policy_maps", format!("{maps}: leads to the daemon"));
    }
    let found = if maps.is_empty() { "empty".to_owned() } else { format!("{maps}: does not lead to the daemon") };
    let sockets: Vec<_> = facts.sockets.iter().map(ToString::to_string).collect();
    let map = match facts.sockets.first().map(Server::place) {
        Some(Place::Unix(path)) => format!("unix:{}", path.display()),
        _ => format!("inet:{}", sockets.first().map_or("127.0.0.1:8461", String::as_str)),
    };
    Finding::fail("policy-maps", "smtp_tls_policy_maps", found)
        .means(format!("Postfix does not ask for policies at {}", sockets.join(" or ")))
        .fix(format!("postconf -e 'smtp_tls_policy_maps = socketmap:{map}:postfix' && postfix reload"))
}

/// Services with a list of their own.
fn overrides(postfix: &Postfix, facts: &Facts) -> Vec<Finding> {
    let with_own = postfix.services.iter().filter_map(|service| Some((service, service.policy_maps.as_deref()?)));
    let elsewhere = with_own.filter(|(_, maps)| ours(postfix, maps, facts).is_empty());
    let warn = |(service, maps): (&Service, &str)| {
        let found = format!("service {} has smtp_tls_policy_maps={maps}", service.name);
        Finding::warn("master", "master.cf", found)
            .means("mail through that service goes out without MTA-STS")
            .fix("remove the option there unless that is wanted")
    };
    elsewhere.map(warn).collect()
}

fn version(postfix: &Postfix, Ours { server, asked, .. }: &Ours) -> Vec<Finding> {
    let map = server.map().unwrap_or_default();
    let looked_at = format!("map {map} with Postfix {}", postfix.get("mail_version"));
    let Some(version) = postfix.version() else {
        return vec![Finding::unknown("version", looked_at, "the version is not understood")];
    };
    let invalid = "Postfix takes it for an error and defers all mail to domains that enforce";
    let mut findings = Vec::new();
    if asked.zone.require_sni && version < (3, 4, 0) {
        findings.push(
            Finding::fail("version", &looked_at, "servername=hostname is sent, which Postfix knows since 3.4")
                .means(invalid)
                .fix("set require_sni = false in the zone"),
        );
    }
    if asked.tlsrpt && version < (3, 10, 0) {
        findings.push(
            Finding::fail("version", &looked_at, "attributes for TLS reports are sent, which Postfix knows since 3.10")
                .means(invalid)
                .fix(
                    "ask for a map whose name does not end in withTLSRPT, and set tlsrpt = \"on-request\" in the zone",
                ),
        );
    }
    if !findings.is_empty() {
        return findings;
    }
    let enforces = version >= (3, 10, 5);
    let parameter = "smtp_tls_enforce_sts_mx_patterns";
    findings.push(match (enforces, asked.tlsrpt) {
        (true, true) if postfix.knows(parameter) && postfix.get(parameter) != "yes" => {
            Finding::warn("version", looked_at, format!("{parameter} is {}", postfix.get(parameter)))
                .means("Postfix goes by the names in certificates and not by those of MX hosts, as RFC 8461 has it")
                .fix(format!("postconf -e '{parameter} = yes'"))
        }
        (true, true) => Finding::ok("version", looked_at, "MX names are matched, and reports can be written"),
        (true, false) => Finding::ok(
            "version",
            looked_at,
            format!("fits; with the map {map}withTLSRPT it would match MX names too and could write TLS reports"),
        ),
        _ => Finding::ok("version", looked_at, "fits; MX names are matched by Postfix 3.10.5 and later only"),
    });
    findings
}

fn dane(postfix: &Postfix, Ours { asked, .. }: &Ours, dnssec: Dnssec) -> Option<Finding> {
    let zone = &asked.zone;
    let looked_at = format!("DANE in zone {}", zone.name);
    let level = postfix.get("smtp_tls_security_level");
    let has_dane = is_dane(level);
    Some(match zone.dane {
        DaneMode::Reply if !has_dnssec(postfix) => {
            Finding::fail("dane", looked_at, "dane = \"reply\", but smtp_dns_support_level is not dnssec")
                .means("Postfix cannot look at TLSA records, and defers all mail to domains with DANE")
                .fix(SET_DNSSEC)
        }
        DaneMode::Yield if !has_dane => Finding::warn(
            "dane",
            looked_at,
            "dane = \"yield\", but smtp_tls_security_level is not dane",
        )
        .means("mail to domains with DANE goes out with neither DANE nor MTA-STS")
        .fix("postconf -e 'smtp_tls_security_level = dane' 'smtp_dns_support_level = dnssec', or set dane = \"off\""),
        DaneMode::Off if has_dane => {
            Finding::warn("dane", looked_at, format!("smtp_tls_security_level is {level}, but dane = \"off\""))
                .means("for domains that have both, MTA-STS takes the place of DANE, which RFC 8461 section 2 forbids")
                .fix("ask for the map dane, or set dane = \"reply\" or \"yield\" in the zone")
        }
        DaneMode::Off => return None,
        DaneMode::Reply | DaneMode::Yield if dnssec == Dnssec::Off => Finding::warn(
            "dane",
            looked_at,
            "nobody checks DNSSEC for the daemon, so that it finds no domain with DANE",
        )
        .means("MTA-STS takes the place of DANE, which RFC 8461 section 2 forbids")
        .fix("name a validating server on loopback in [dns] servers, or set dnssec = \"validate\" there"),
        DaneMode::Reply | DaneMode::Yield => Finding::ok("dane", looked_at, "goes before MTA-STS"),
    })
}

const SET_DNSSEC: &str = "postconf -e 'smtp_dns_support_level = dnssec' && postfix reload";

fn has_dnssec(postfix: &Postfix) -> bool {
    postfix.get("smtp_dns_support_level") == "dnssec"
}

fn is_dane(level: &str) -> bool {
    matches!(level, "dane" | "dane-only")
}

fn chroot(postfix: &Postfix, Ours { server, by_proxy, .. }: &Ours) -> Option<Finding> {
    let Place::Unix(path) = server.place() else { return None };
    let looked_at = format!("socket {}", path.display());
    let chrooted: Vec<_> = postfix.services.iter().filter(|service| postfix.is_chrooted(service)).collect();
    if *by_proxy || chrooted.is_empty() {
        return Some(Finding::ok("chroot", looked_at, "Postfix sees it from outside its chroot"));
    }
    let inside = in_queue(postfix, path);
    if inside.exists() {
        return Some(Finding::ok("chroot", looked_at, format!("is {} to Postfix in its chroot", inside.display())));
    }
    let names: Vec<_> = chrooted.iter().map(|service| service.name.as_str()).collect();
    let queue = postfix.get("queue_directory");
    let found = format!("{} of master.cf run in the chroot {queue}, where it is not", names.join(", "));
    Some(
        Finding::fail("chroot", looked_at, found)
            .means(format!("Postfix looks for it at {} and defers all mail", inside.display()))
            .fix(format!(
                "let the daemon listen on unix:{queue}/mta-sts/postfix.sock and name it \
                 socketmap:unix:mta-sts/postfix.sock:postfix in main.cf, or use TCP"
            )),
    )
}

fn authorities(postfix: &Postfix) -> Finding {
    let (file, path) = (postfix.get("smtp_tls_CAfile"), postfix.get("smtp_tls_CApath"));
    let looked_at = "smtp_tls_CAfile and smtp_tls_CApath";
    let means = "Postfix trusts no certificate, so that all mail to domains that enforce a policy is deferred";
    let fix = "postconf -e 'smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt' && postfix reload";
    let is_chrooted = postfix.services.iter().any(|service| postfix.is_chrooted(service));
    match (file, path) {
        ("", "") => Finding::fail("postfix-ca", looked_at, "both are empty").means(means).fix(fix),
        (file, _) if !file.is_empty() => match std::fs::metadata(file) {
            Ok(found) if found.len() > 0 => Finding::ok("postfix-ca", looked_at, file),
            Ok(_) => Finding::fail("postfix-ca", looked_at, format!("{file} is empty")).means(means).fix(fix),
            Err(error) => {
                let why = crate::input::in_words(&error);
                Finding::fail("postfix-ca", looked_at, format!("{file}: {why}")).means(means).fix(fix)
            }
        },
        (_, path) if is_chrooted && !in_queue(postfix, Path::new(path)).exists() => {
            Finding::fail("postfix-ca", looked_at, format!("{path}, which is not in the chroot of smtp"))
                .means(means)
                .fix(fix)
        }
        (_, path) if !Path::new(path).is_dir() => {
            Finding::fail("postfix-ca", looked_at, format!("{path} is no directory")).means(means).fix(fix)
        }
        (_, path) => Finding::ok("postfix-ca", looked_at, path),
    }
}

/// What holds for domains without a policy.
fn level(postfix: &Postfix) -> Finding {
    let looked_at = "smtp_tls_security_level";
    let level = postfix.get(looked_at);
    match level {
        "" if postfix.get("smtp_use_tls") != "yes" => Finding::warn("level", looked_at, "empty"),
        "none" => Finding::warn("level", looked_at, "none"),
        "" => return Finding::ok("level", looked_at, "smtp_use_tls = yes stands for may"),
        level if is_dane(level) && !has_dnssec(postfix) => {
            return Finding::fail("level", looked_at, format!("{level}, but smtp_dns_support_level is not dnssec"))
                .means("Postfix cannot look at TLSA records: it uses no DANE, or defers the mail")
                .fix(SET_DNSSEC);
        }
        level => return Finding::ok("level", looked_at, level),
    }
    .means("mail to domains without a policy goes out without TLS, even where it is offered")
    .fix("postconf -e 'smtp_tls_security_level = may', or dane with a name server that validates")
}
