//! Clock, DNS, CA certificates, and a domain.

use super::{dns, facts::Facts, finding::Finding};
use crate::{
    input,
    output::words::{date, duration},
};
use hickory_proto::op::ResponseCode;
use mta_sts::{
    BuildError, DaneTrust, Decision, DnsError, Freshness, Intent, NameServer, Resolver, ResolverBuilder, UnixTime,
};
use mta_sts_core::Domain;
use mta_sts_postfix::config::Dnssec;
use std::{
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

/// 2026-01-01 and 2100-01-01. This program is not older, and will not be as old.
const YEARS: std::ops::Range<u64> = 1_767_225_600..4_102_444_800;
/// Mail waits for DNS.
const SLOW: Duration = Duration::from_secs(1);
const MAX_CA_FILE: usize = 8 << 20;
const MAX_ANCHORS: usize = 1 << 20;
const WITHOUT_DANE: &str = "DANE cannot be looked at, so that MTA-STS alone decides";

pub(super) fn clock() -> Finding {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let found = date(UnixTime(now));
    if YEARS.contains(&now) {
        return Finding::ok("clock", "the clock", found);
    }
    Finding::fail("clock", "the clock", found)
        .means("certificates and policies are judged by it: fetches fail, and live policies seem to have ended")
        .fix("set the clock, and keep it right with chrony or systemd-timesyncd")
}

pub(super) async fn look(facts: &Facts, signed: &str, domain: Option<&Domain>) -> Vec<Finding> {
    let resolver = resolver(facts);
    let mut findings = servers(facts, resolver.as_ref().ok()).await;
    findings.push(dnssec(facts, signed).await);
    findings.push(authorities(facts));
    match (domain, resolver) {
        (None, _) => {
            findings.push(Finding::skip("domain", "a live domain", "none is named; --domain example.com resolves one"));
        }
        (Some(domain), Ok(resolver)) => {
            findings.push(live(&resolver, domain, facts.canary.as_ref() == Some(domain)).await);
        }
        (Some(domain), Err(why)) => findings.push(Finding::fail("domain", domain.as_str(), why)),
    }
    findings
}

fn resolver(facts: &Facts) -> Result<Resolver, String> {
    builder(facts)?.build().map_err(|error| error.to_string())
}

/// One that trusts in DNSSEC as the daemon does with `dnssec = "validate"`.
fn validating(facts: &Facts) -> Result<Resolver, String> {
    let file = |path: &PathBuf| input::read(path, MAX_ANCHORS).map_err(|stop| stop.message);
    let octets = facts.trust_anchors.as_ref().map(file).transpose()?;
    let anchors = octets.map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
    let builder = builder(facts)?.dane_trust(DaneTrust::Validate { anchors });
    builder.build().map_err(|error| error.to_string())
}

fn builder(facts: &Facts) -> Result<ResolverBuilder, String> {
    let mut builder = Resolver::builder()
        .name_servers(facts.dns.iter().cloned())
        .https_port(facts.https_port)
        .allow_nets(facts.allow_nets.iter().copied())
        .only_extra_ca(facts.only_ca)
        .freshness(Freshness::Checked);
    if let Some(file) = &facts.ca {
        let pem = input::read(file, MAX_CA_FILE).map_err(|stop| stop.message)?;
        builder = builder.extra_ca_pem(&pem.bytes).map_err(|error| error.to_string())?;
    }
    Ok(builder)
}

async fn servers(facts: &Facts, resolver: Option<&Resolver>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let plain = facts.dns.iter().filter_map(|server| match server {
        NameServer::Plain(addr) => Some(*addr),
        _ => None,
    });
    for addr in plain {
        let looked_at = format!("name server {addr}");
        findings.push(match dns::soa(addr, ".").await {
            Ok(answer) if matches!(answer.code, ResponseCode::NoError | ResponseCode::NXDomain) => {
                answers(looked_at, answer.took)
            }
            Ok(answer) => broken(looked_at, &format!("it answers {}", answer.code)),
            Err(why) => broken(looked_at, why),
        });
    }
    // The system's, and those that encrypt.
    if findings.len() < facts.dns.len() || facts.dns.is_empty() {
        let looked_at = if facts.dns.is_empty() { "the system's name servers" } else { "the name servers" }.to_owned();
        findings.push(match resolver {
            None => Finding::unknown("dns", looked_at, "not asked, since no resolver can be set up: see below"),
            Some(resolver) => {
                let began = Instant::now();
                match resolver.txt(".").await {
                    Ok(_) => answers(looked_at, began.elapsed()),
                    Err(why) => broken(looked_at, &why.to_string()),
                }
            }
        });
    }
    findings
}

fn answers(looked_at: String, took: Duration) -> Finding {
    let found = format!("answers in {} ms", took.as_millis());
    if took < SLOW {
        return Finding::ok("dns", looked_at, found);
    }
    Finding::warn("dns", looked_at, found)
        .means("the first mail to each domain waits for DNS")
        .fix("run a caching resolver such as unbound on this machine")
}

fn broken(looked_at: String, why: &str) -> Finding {
    Finding::fail("dns", looked_at, why)
        .means("no policy can be found, so that mail goes out without those that are not cached yet")
        .fix("check the address in [dns] servers or in /etc/resolv.conf, and that the server answers this machine")
}

async fn dnssec(facts: &Facts, signed: &str) -> Finding {
    let looked_at = "DNSSEC";
    if facts.dnssec == Dnssec::Validate {
        return validation(facts, signed).await;
    }
    let mut addresses = Vec::new();
    for server in &facts.dns {
        match server {
            NameServer::Plain(addr) if addr.ip().is_loopback() => addresses.push(*addr),
            _ => addresses.clear(),
        }
    }
    if facts.dnssec == Dnssec::Off && addresses.len() == facts.dns.len() && !addresses.is_empty() {
        return Finding::skip("dnssec", looked_at, "dnssec is \"off\" in [dns]: DANE is not looked at");
    }
    if addresses.is_empty() || addresses.len() < facts.dns.len() {
        return Finding::skip(
            "dnssec",
            looked_at,
            "the AD bit is trusted only from name servers on loopback that the configuration names ([dns] servers); \
             without it DANE is not looked at",
        );
    }
    for addr in addresses {
        match dns::soa(addr, signed).await {
            Ok(answer) if answer.secure => {}
            Ok(_) => {
                return Finding::warn("dnssec", looked_at, format!("{addr} does not vouch for \"{signed}\""))
                    .means(WITHOUT_DANE)
                    .fix("let the name server validate: in unbound, module-config \"validator iterator\" and a trust anchor");
            }
            Err(why) => return Finding::unknown("dnssec", looked_at, format!("{addr}: {why}")),
        }
    }
    Finding::ok("dnssec", looked_at, format!("the name servers vouch for \"{signed}\""))
}

/// What the daemon does by itself.
async fn validation(facts: &Facts, signed: &str) -> Finding {
    let looked_at = "DNSSEC";
    let resolver = match validating(facts) {
        Ok(resolver) => resolver,
        Err(why) => return Finding::fail("dnssec", looked_at, why).means("the daemon does not start like this"),
    };
    match resolver.vouches_for(signed).await {
        Ok(true) => {
            Finding::ok("dnssec", looked_at, format!("the signatures vouch for \"{signed}\" (dnssec = \"validate\")"))
        }
        Ok(false) => Finding::warn("dnssec", looked_at, format!("\"{signed}\" is not signed"))
            .means("whether DANE can be looked at is not known")
            .fix("name a signed one with --signed"),
        Err(DnsError::Bogus) => {
            Finding::warn("dnssec", looked_at, format!("no signature that is trusted vouches for \"{signed}\""))
                .means(WITHOUT_DANE)
                .fix("use name servers that pass DNSSEC records on, and check the clock and dns.trust_anchors")
        }
        Err(why) => Finding::unknown("dnssec", looked_at, format!("\"{signed}\": {why}")),
    }
}

fn authorities(facts: &Facts) -> Finding {
    let looked_at = "CA certificates";
    let fix = "install the package ca-certificates, or name a PEM file with ca_file in [https]";
    let means = "no policy host can be trusted, so that no policy can be fetched";
    // How the resolver reads them says what it makes of them.
    let built = resolver(facts);
    let system = if facts.only_ca { 0 } else { rustls_native_certs::load_native_certs().certs.len() };
    match (built, &facts.ca) {
        (Err(why), _) if why == BuildError::NoTrustAnchors.to_string() => {
            Finding::fail("ca", looked_at, "none is trusted").means(means).fix(fix)
        }
        (Err(why), _) => Finding::fail("ca", looked_at, why).means("the daemon does not start like this"),
        (Ok(_), None) => Finding::ok("ca", looked_at, format!("{system} are trusted")),
        (Ok(_), Some(file)) => {
            let file = file.display();
            Finding::ok("ca", looked_at, format!("{system} of the system are trusted, and those in {file}"))
        }
    }
}

async fn live(resolver: &Resolver, domain: &Domain, is_canary: bool) -> Finding {
    let began = Instant::now();
    let answer = resolver.resolve_with(domain, Intent::Deliver).await;
    let took = format!("in {} ms", began.elapsed().as_millis());
    let looked_at = domain.as_str();
    if let Some(failure) = answer.failure {
        return Finding::fail("domain", looked_at, format!("{failure}, {took}"))
            .means("it is the domain's fault unless other domains fail too")
            .fix(format!("\"mta-sts query {domain}\" says more"));
    }
    let left = answer.entry.as_ref().and_then(|entry| entry.held()).map(|held| u64::from(held.policy.max_age()));
    match (&answer.decision, left) {
        (Decision::Enforce(_), Some(left)) => {
            Finding::ok("domain", looked_at, format!("enforces for {}, learnt {took}", duration(left)))
        }
        (Decision::Testing(_), _) => Finding::ok("domain", looked_at, format!("tests its policy, learnt {took}")),
        _ if is_canary => Finding::warn("domain", looked_at, format!("has no policy to enforce, learnt {took}"))
            .means("it is the canary: health fails")
            .fix("if DNS is right here, name a domain that has a policy in canary in [health]"),
        _ => Finding::ok("domain", looked_at, format!("has no policy to enforce, learnt {took}")),
    }
}
