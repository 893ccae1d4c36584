//! From TOML to a [`Config`], table by table.

use super::{
    Admin, Config, Dns, Dnssec, DomainOverride, Health, Https, Log, OverrideKind, Problem, Refresh, Server, Store,
    StoreKind,
    reader::{Given, Reader, Section, string},
    value::{self, duration, quoted, word},
};
use crate::zone::{DaneMode, TlsRptAttributes, Zone};
use core::time::Duration;
use mta_sts::{Domain, Mode, core::Policy};
use toml::de::{DeTable, DeValue};

/// Postfix waits 100 s for a reply.
const MAX_ANSWER: Duration = Duration::from_secs(80);
/// A store is asked before every answer.
const MAX_STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// RFC 8461 §3.3: about a minute is suggested.
const MAX_FETCH: Duration = Duration::from_secs(600);
/// A policy host is asked no more often.
const MIN_REFRESH: Duration = Duration::from_secs(300);
/// More than a process may have files open.
const MAX_CONNECTIONS: u32 = 1_000_000;
/// As long as RFC 8461 §3.2 allows: a static policy does not end.
const MAX_AGE: u32 = 31_557_600;

pub(super) fn config(text: &str) -> Result<Config, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, problems: Vec::new() };
    for error in errors {
        reader.problem(error.span().unwrap_or_default(), error.message().escape_debug().to_string());
    }
    let mut root = Section::new("", 0..text.len(), table.into_inner());
    let config = all(&mut reader, &mut root);
    root.finish(&mut reader);
    if reader.problems.is_empty() {
        return Ok(config);
    }
    reader.problems.sort_by_key(|problem| problem.place);
    Err(reader.problems)
}

fn all(reader: &mut Reader<'_>, root: &mut Section<'_>) -> Config {
    let mut config = Config::default();
    let section = root.section(reader, "server");
    server(reader, section, &mut config.server);
    let section = root.section(reader, "dns");
    dns(reader, section, &mut config.dns);
    let section = root.section(reader, "https");
    https(reader, section, &mut config.https);
    let section = root.section(reader, "store");
    store(reader, section, &mut config.store);
    let section = root.section(reader, "refresh");
    refresh(reader, section, &mut config.refresh);
    let section = root.section(reader, "zones");
    zones(reader, section, &mut config.zones);
    let section = root.section(reader, "overrides");
    overrides(reader, section, &mut config.overrides);
    let section = root.section(reader, "health");
    health(reader, section, &mut config.health);
    let section = root.section(reader, "log");
    log(reader, section, &mut config.log);
    config
}

fn set<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}

fn value<T>(given: Option<Given<T>>) -> Option<T> {
    given.map(|given| given.value)
}

fn server(reader: &mut Reader<'_>, mut section: Section<'_>, server: &mut Server) {
    server.listen = value(section.list(reader, "listen", value::listen));
    set(&mut server.socket_mode, value(section.text(reader, "socket_mode", value::mode)));
    server.socket_owner = value(section.text(reader, "socket_owner", value::not_empty));
    server.socket_group = value(section.text(reader, "socket_group", value::not_empty));
    set(&mut server.max_connections, section.number(reader, "max_connections", 1, MAX_CONNECTIONS));
    set(&mut server.answer_timeout, value(section.text(reader, "answer_timeout", duration(Some(MAX_ANSWER)))));
    set(&mut server.drain, value(section.text(reader, "drain", duration(None))));
    if let Some(admin) = value(section.text(reader, "admin", value::admin)) {
        server.admin = admin.map_or(Admin::Off, Admin::At);
    }
    set(&mut server.http, value(section.text(reader, "http", value::http)));
    section.finish(reader);
}

fn dns(reader: &mut Reader<'_>, mut section: Section<'_>, dns: &mut Dns) {
    set(&mut dns.servers, value(section.list(reader, "servers", value::name_server)));
    set(&mut dns.timeout, value(section.text(reader, "timeout", duration(Some(Duration::from_secs(60))))));
    if let Some(Given { value, span }) = section.text(reader, "dnssec", word(&value::DNSSEC)) {
        dns.dnssec = Some(value);
        if value == Dnssec::Ad && !dns.are_on_loopback() {
            reader.problem(
                span,
                "dns.dnssec: \"ad\" trusts what name servers say of DNSSEC, which must not cross a network: \
                 name only plain servers on loopback in dns.servers, or use \"validate\" or \"off\"",
            );
        }
    }
    dns.trust_anchors = value(section.text(reader, "trust_anchors", value::path));
    section.finish(reader);
}

fn https(reader: &mut Reader<'_>, mut section: Section<'_>, https: &mut Https) {
    https.ca_file = value(section.text(reader, "ca_file", value::path));
    set(&mut https.only_ca_file, section.boolean(reader, "only_ca_file"));
    let port = section.number(reader, "port", 1, u16::MAX.into());
    set(&mut https.port, port.and_then(|port| u16::try_from(port).ok()));
    set(&mut https.timeout, value(section.text(reader, "timeout", duration(Some(MAX_FETCH)))));
    set(&mut https.allow_nets, value(section.list(reader, "allow_nets", value::net)));
    if https.only_ca_file && https.ca_file.is_none() {
        reader.problem(section.span.clone(), "https.only_ca_file: nothing would be trusted: name https.ca_file too");
    }
    section.finish(reader);
}

fn store(reader: &mut Reader<'_>, mut section: Section<'_>, store: &mut Store) {
    set(&mut store.kind, value(section.text(reader, "kind", word(&value::KINDS))));
    set(&mut store.path, value(section.text(reader, "path", value::path)));
    store.url = value(section.text(reader, "url", value::redis_url));
    set(&mut store.sentinels, value(section.list(reader, "sentinels", value::redis_url)));
    store.master = value(section.text(reader, "master", value::not_empty));
    set(&mut store.prefix, value(section.text(reader, "prefix", |text| Ok(text.to_owned()))));
    let entries = section.number(reader, "memory_entries", 1, u32::MAX);
    set(&mut store.memory_entries, entries.and_then(|entries| usize::try_from(entries).ok()));
    set(&mut store.timeout, value(section.text(reader, "timeout", duration(Some(MAX_STORE_TIMEOUT)))));
    set(&mut store.grace, value(section.text(reader, "grace", duration(None))));
    let wrong = match (store.kind, store.sentinels.is_empty(), &store.url, &store.master) {
        (StoreKind::Redis, true, None, _) => {
            "store.url: missing: say where the Redis server is, or name store.sentinels"
        }
        (_, false, _, None) => "store.master: missing: sentinels must be asked for a master by its name",
        (_, true, _, Some(_)) => "store.master: of no use without store.sentinels",
        _ => "",
    };
    if !wrong.is_empty() {
        reader.problem(section.span.clone(), wrong);
    }
    section.finish(reader);
}

fn refresh(reader: &mut Reader<'_>, mut section: Section<'_>, refresh: &mut Refresh) {
    set(&mut refresh.enabled, section.boolean(reader, "enabled"));
    set(&mut refresh.unused_after, value(section.text(reader, "unused_after", duration(None))));
    let or_off = |text: &str| if text == "off" { Ok(None) } else { duration(None)(text).map(Some) };
    set(&mut refresh.mx_check, value(section.text(reader, "mx_check", or_off)));
    section.finish(reader);
}

fn zones(reader: &mut Reader<'_>, mut section: Section<'_>, zones: &mut Vec<Zone>) {
    let mut named = section.sections(reader);
    // What the default zone says holds for the others too.
    if let Some(at) = named.iter().position(|(name, _)| name == "default") {
        let (_, mut section) = named.remove(at);
        section.path = "zones.default".to_owned();
        zone(reader, section, &mut zones[0]);
    }
    for (name, section) in named {
        if name.is_empty() || name.contains(' ') {
            let message = format!("zones: {} is no map name: it must not be empty or hold a space", quoted(&name));
            reader.problem(section.span.clone(), message);
        }
        let is_query = name.eq_ignore_ascii_case("QUERY");
        let mut new = match &*name {
            _ if is_query => Zone { name, ..Zone::query() },
            "dane" => Zone { name, dane: DaneMode::Reply, ..zones[0].clone() },
            _ => Zone { name, ..zones[0].clone() },
        };
        zone(reader, section, &mut new);
        zones.push(new);
    }
}

fn zone(reader: &mut Reader<'_>, mut section: Section<'_>, zone: &mut Zone) {
    let tlsrpt = |value: &DeValue<'_>| match value.as_bool() {
        Some(false) => Ok(TlsRptAttributes::Never),
        Some(true) => Ok(TlsRptAttributes::Always),
        None => word(&value::TLSRPT)(string(value)?),
    };
    set(&mut zone.strict_testing, section.boolean(reader, "strict_testing"));
    set(&mut zone.require_sni, section.boolean(reader, "require_sni"));
    set(&mut zone.tlsrpt, value(section.get(reader, "tlsrpt", tlsrpt)));
    set(&mut zone.smart_hosts, section.boolean(reader, "smart_hosts"));
    set(&mut zone.dane, value(section.text(reader, "dane", word(&value::DANE))));
    section.finish(reader);
}

fn overrides(reader: &mut Reader<'_>, mut section: Section<'_>, overrides: &mut Vec<DomainOverride>) {
    for (name, section) in section.sections(reader) {
        let span = section.span.clone();
        let below = name.starts_with('.');
        let domain = Domain::from_unicode(name.strip_prefix('.').unwrap_or(&name));
        let what = override_kind(reader, section);
        let domain = match domain {
            Ok(domain) => domain,
            Err(why) => {
                let hint = "; give one such as \"example.com\", or \".example.com\" for all below it";
                reader.problem(span, format!("overrides: {} is no domain: {why}{hint}", quoted(&name)));
                continue;
            }
        };
        if overrides.iter().any(|other| (&other.domain, other.below) == (&domain, below)) {
            reader.problem(span, format!("overrides: {domain} is there twice"));
        } else if let Some(what) = what {
            overrides.push(DomainOverride { domain, below, what });
        }
    }
}

fn override_kind(reader: &mut Reader<'_>, mut section: Section<'_>) -> Option<OverrideKind> {
    let (path, span) = (section.path.clone(), section.span.clone());
    let problems = reader.problems.len();
    let exempt = section.boolean(reader, "exempt");
    let mode = value(section.text(reader, "mode", word(&value::MODES)));
    let mx = section.list(reader, "mx", value::not_empty);
    let every = section.text(reader, "refresh", |text| match duration(None)(text)? {
        short if short < MIN_REFRESH => Err("give at least \"5m\": policy hosts are not asked more often".to_owned()),
        every => Ok(every),
    });
    section.finish(reader);
    if reader.problems.len() > problems {
        return None;
    }
    let wrong = match (exempt, mode, mx, value(every)) {
        (Some(true), None, None, None) => return Some(OverrideKind::Exempt),
        (None | Some(false), None, None, Some(every)) => return Some(OverrideKind::Refresh(every)),
        (None | Some(false), Some(mode), mx, None) => {
            return static_policy(mode, value(mx).unwrap_or_default())
                .map_err(|why| reader.problem(span, format!("{path}: {why}")))
                .ok();
        }
        (_, None, Some(_), _) => "mx is of no use without mode = \"enforce\" or \"testing\"",
        (Some(false), None, None, None) => return None,
        (None, None, None, None) => "nothing is said: give exempt = true, a mode with mx, or refresh",
        _ => "exempt, mode and refresh exclude each other: keep one of them",
    };
    reader.problem(span, format!("{path}: {wrong}"));
    None
}

fn static_policy(mode: Mode, mx: Vec<String>) -> Result<OverrideKind, String> {
    for pattern in &mx {
        // One by one, since a policy ignores the bad ones as long as a good one is left.
        if policy_text(Mode::Enforce, core::slice::from_ref(pattern)).is_none() {
            let hint = "give a host name, or *.DOMAIN for all hosts one label below it";
            return Err(format!("{} is no MX pattern; {hint}", quoted(pattern)));
        }
    }
    if policy_text(mode, &mx).is_none() {
        let mode = value::name(&value::MODES, mode);
        return Err(format!("mode = \"{mode}\" needs mx, the hosts that may get the mail"));
    }
    Ok(OverrideKind::Policy { mode, mx })
}

/// The policy as it would be fetched, if it is one. RFC 8461 §3.2.
fn policy_text(mode: Mode, mx: &[String]) -> Option<Policy> {
    if mx.iter().any(|pattern| pattern.contains(['\n', '\r'])) {
        return None;
    }
    let mode = value::name(&value::MODES, mode);
    let lines: String = mx.iter().map(|pattern| format!("mx: {pattern}\n")).collect();
    Policy::parse(format!("version: STSv1\nmode: {mode}\nmax_age: {MAX_AGE}\n{lines}").as_bytes()).ok()
}

fn health(reader: &mut Reader<'_>, mut section: Section<'_>, health: &mut Health) {
    let canary = |text: &str| match text {
        "" => Ok(None),
        text => Domain::from_unicode(text)
            .map(Some)
            .map_err(|why| format!("{} is no domain: {why}; \"\" is for none", quoted(text))),
    };
    set(&mut health.canary, value(section.text(reader, "canary", canary)));
    section.finish(reader);
}

fn log(reader: &mut Reader<'_>, mut section: Section<'_>, log: &mut Log) {
    set(&mut log.level, value(section.text(reader, "level", word(&value::LEVELS))));
    set(&mut log.format, value(section.text(reader, "format", word(&value::FORMATS))));
    section.finish(reader);
}
