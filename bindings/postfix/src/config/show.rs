//! The configuration as a file, with every key and what it is for.

use super::{
    Admin, Config, DomainOverride, OverrideKind, Store,
    keys::{self, TABLES},
    value::{self, DANE, DNSSEC, FORMATS, KINDS, LEVELS, MODES, TLSRPT},
};
use crate::zone::Zone;
use core::{fmt::Write, time::Duration};
use toml::Value;

impl Config {
    /// The settings as a configuration file: every key with its value, those that have none as a
    /// comment. Passwords are hidden.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for table in TABLES {
            match table.name {
                "zones" => self.zones.iter().for_each(|zone| write_zone(&mut text, zone)),
                "overrides" => self.overrides.iter().for_each(|over| write_override(&mut text, over)),
                name => {
                    header(&mut text, name, table.about);
                    for (key, given) in self.values(name) {
                        line(&mut text, name, key, given);
                    }
                }
            }
        }
        text
    }

    fn values(&self, table: &str) -> Vec<(&'static str, Option<Value>)> {
        let Self { server, dns, https, store, refresh, health, log, .. } = self;
        match table {
            "server" => vec![
                ("listen", Some(list(&server.listens()))),
                ("socket_mode", Some(string(format!("{:04o}", server.socket_mode)))),
                ("socket_owner", server.socket_owner.as_ref().map(string)),
                ("socket_group", server.socket_group.as_ref().map(string)),
                ("max_connections", Some(Value::from(server.max_connections))),
                ("answer_timeout", Some(span(server.answer_timeout))),
                ("drain", Some(span(server.drain))),
                ("admin", admin(&server.admin)),
                ("http", Some(string(server.http.map_or(String::new(), |address| address.to_string())))),
            ],
            "dns" => vec![
                ("servers", (!dns.servers.is_empty()).then(|| list(&dns.servers))),
                ("timeout", Some(span(dns.timeout))),
                ("dnssec", Some(string(value::name(&DNSSEC, dns.effective_dnssec())))),
                ("trust_anchors", dns.trust_anchors.as_ref().map(|path| string(path.display()))),
            ],
            "https" => vec![
                ("ca_file", https.ca_file.as_ref().map(|path| string(path.display()))),
                ("only_ca_file", Some(Value::Boolean(https.only_ca_file))),
                ("port", Some(Value::from(u32::from(https.port)))),
                ("timeout", Some(span(https.timeout))),
                ("allow_nets", Some(list(&https.allow_nets))),
            ],
            "store" => vec![
                ("kind", Some(string(value::name(&KINDS, store.kind)))),
                ("path", Some(string(store.path.display()))),
                ("url", store.url.as_deref().map(|url| string(Store::masked(url)))),
                ("sentinels", (!store.sentinels.is_empty()).then(|| masked_list(&store.sentinels))),
                ("master", store.master.as_ref().map(string)),
                ("prefix", Some(string(&store.prefix))),
                ("memory_entries", Some(Value::Integer(i64::try_from(store.memory_entries).unwrap_or(i64::MAX)))),
                ("timeout", Some(span(store.timeout))),
                ("grace", Some(span(store.grace))),
            ],
            "refresh" => vec![
                ("enabled", Some(Value::Boolean(refresh.enabled))),
                ("unused_after", Some(span(refresh.unused_after))),
                ("mx_check", Some(refresh.mx_check.map_or(string("off"), span))),
            ],
            "health" => vec![("canary", Some(string(health.canary.as_ref().map_or("", |domain| domain.as_str()))))],
            "log" => vec![
                ("level", Some(string(value::name(&LEVELS, log.level)))),
                ("format", Some(string(value::name(&FORMATS, log.format)))),
            ],
            _ => Vec::new(),
        }
    }
}

fn write_zone(text: &mut String, zone: &Zone) {
    let Zone { name: map, strict_testing, require_sni, tlsrpt, smart_hosts, dane } = zone;
    header(text, &format!("zones.{}", key(map)), "a map name of Postfix; \"default\" is for all others");
    for (key, value) in [
        ("strict_testing", Value::Boolean(*strict_testing)),
        ("require_sni", Value::Boolean(*require_sni)),
        ("tlsrpt", string(value::name(&TLSRPT, *tlsrpt))),
        ("smart_hosts", Value::Boolean(*smart_hosts)),
        ("dane", string(value::name(&DANE, *dane))),
    ] {
        line(text, "zones", key, Some(value));
    }
}

fn write_override(text: &mut String, over: &DomainOverride) {
    let dot = if over.below { "." } else { "" };
    let about = if over.below { "all domains below" } else { "this domain alone" };
    header(text, &format!("overrides.\"{dot}{}\"", over.domain), about);
    match &over.what {
        OverrideKind::Exempt => line(text, "overrides", "exempt", Some(Value::Boolean(true))),
        OverrideKind::Refresh(every) => line(text, "overrides", "refresh", Some(span(*every))),
        OverrideKind::Policy { mode, mx } => {
            line(text, "overrides", "mode", Some(string(value::name(&MODES, *mode))));
            line(text, "overrides", "mx", Some(list(mx)));
        }
    }
}

// Writing to a String cannot fail.
fn header(text: &mut String, name: &str, about: &str) {
    let line_break = if text.is_empty() { "" } else { "\n" };
    let _ = writeln!(text, "{line_break}# {about}\n[{name}]");
}

fn line(text: &mut String, table: &str, key: &str, value: Option<Value>) {
    let about = keys::about(table, key);
    let _ = match value {
        Some(value) => writeln!(text, "# {about}\n{key} = {value}"),
        None => writeln!(text, "# {about}\n# {key} ="),
    };
}

/// A name as a bare or quoted TOML key.
pub(crate) fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    // TOML's basic strings and keys are quoted the same.
    if is_bare { name.to_owned() } else { basic_string(name) }
}

fn basic_string(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            c if c.is_control() => write!(quoted, "\\u{:04X}", u32::from(c)),
            c => write!(quoted, "{c}"),
        };
    }
    quoted.push('"');
    quoted
}

fn string(text: impl ToString) -> Value {
    Value::String(text.to_string())
}

fn span(duration: Duration) -> Value {
    const DAY: u64 = 86_400;
    let seconds = duration.as_secs();
    if seconds >= DAY && seconds.is_multiple_of(DAY) && duration.subsec_nanos() == 0 {
        // As people write it: a month of its own has 30.44 days.
        return string(format_args!("{}d", seconds / DAY));
    }
    string(humantime::format_duration(duration))
}

fn list<T: ToString>(items: &[T]) -> Value {
    Value::Array(items.iter().map(string_of).collect())
}

fn string_of<T: ToString>(item: &T) -> Value {
    Value::String(item.to_string())
}

fn masked_list(urls: &[String]) -> Value {
    Value::Array(urls.iter().map(|url| string(Store::masked(url))).collect())
}

fn admin(admin: &Admin) -> Option<Value> {
    match admin {
        Admin::Default => None,
        Admin::Off => Some(string("")),
        Admin::At(path) => Some(string(format!("unix:{}", path.display()))),
    }
}
