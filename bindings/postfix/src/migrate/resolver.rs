//! `mta-sts-daemon.yml` of postfix-mta-sts-resolver, of all its versions.

use super::{
    draft::{self, Draft},
    mode, seconds, table, text,
};
use serde_json::{Map, Value};

/// The keys by which the file is told.
pub(super) const KEYS: [&str; 11] = [
    "host",
    "port",
    "path",
    "mode",
    "reuse_port",
    "cache",
    "cache_grace",
    "shutdown_timeout",
    "default_zone",
    "zones",
    "proactive_policy_fetching",
];

type Table = Map<String, Value>;

pub(super) fn import(mut map: Table, draft: &mut Draft) {
    server(&mut map, draft);
    default_timeout(&map, draft);
    let mut cache = table(&mut map, "cache");
    store(&mut cache, draft);
    draft.unknown("store", "cache", cache.keys());
    refresh(&mut map, draft);
    zones(&mut map, draft);
    draft.unknown("server", "", map.keys());
}

fn server(map: &mut Table, draft: &mut Draft) {
    const IN: &str = "server";
    let (host, port, path) = (map.remove("host"), map.remove("port"), map.remove("path"));
    match path.as_ref().and_then(Value::as_str).filter(|path| !path.is_empty()) {
        Some(path) => {
            draft.set(IN, "listen", vec![format!("unix:{path}")]);
            if host.is_some() || port.is_some() {
                draft.say(IN, "host, port: path takes their place, as it did");
            }
        }
        None => draft_tcp(host.as_ref(), port.as_ref(), draft),
    }
    if let Some(given) = map.remove("mode") {
        match mode(&given) {
            Some(mode) => draft.set(IN, "socket_mode", mode),
            None => draft.bad(IN, "mode", &given),
        }
    }
    if map.remove("reuse_port").is_some() {
        draft.say(IN, "reuse_port: has no counterpart; a restart needs none, and one process uses all cores");
    }
    if let Some(given) = map.remove("shutdown_timeout") {
        match seconds(&given) {
            Some(span) => draft.set(IN, "drain", span),
            None => draft.bad(IN, "shutdown_timeout", &given),
        }
    }
    if map.remove("cache_grace").is_some() {
        draft.say(
            IN,
            "cache_grace: has no counterpart; a cached policy answers at once, and its id is checked behind the\n\
             answer at most every five minutes",
        );
    }
}

fn draft_tcp(host: Option<&Value>, port: Option<&Value>, draft: &mut Draft) {
    let port = port.and_then(text).unwrap_or_else(|| "8461".to_owned());
    let host = match host {
        Some(host) => host.as_str().unwrap_or_default(),
        None => "127.0.0.1",
    };
    let address = match host {
        "localhost" => "127.0.0.1".to_owned(),
        host if host.parse::<core::net::Ipv4Addr>().is_ok() => host.to_owned(),
        host if host.parse::<core::net::Ipv6Addr>().is_ok() => format!("[{host}]"),
        other => {
            let other = other.escape_debug();
            draft.warn("server", &format!("host: \"{other}\" is no address; loopback is taken, give addresses here"));
            "127.0.0.1".to_owned()
        }
    };
    draft.set("server", "listen", vec![format!("{address}:{port}")]);
}

/// The time-out of the default zone.
fn default_timeout(map: &Table, draft: &mut Draft) {
    let Some(given) = map.get("default_zone").and_then(|zone| zone.get("timeout")) else { return };
    match seconds(given) {
        Some(span) => {
            draft.set("dns", "timeout", span);
            draft.say(
                "dns",
                "timeout of the default zone: was for DNS and for the fetch, each. A fetch now goes on behind the answer\n\
                 (https.timeout); a client waits server.answer_timeout for both",
            );
        }
        None => draft.bad("dns", "default_zone.timeout", given),
    }
}

fn store(cache: &mut Table, draft: &mut Draft) {
    const IN: &str = "store";
    let kind = cache.remove("type");
    let mut options = table(cache, "options");
    match kind.as_ref().and_then(Value::as_str).unwrap_or("internal") {
        "internal" => {
            draft.set(IN, "kind", "sqlite");
            draft.say(
                IN,
                "cache.type: was \"internal\"; a file keeps the protection over a restart. kind = \"memory\" is as before",
            );
            if let Some(size) = options.remove("cache_size") {
                match size.as_i64().filter(|size| *size > 0) {
                    Some(size) => draft.set(IN, "memory_entries", size),
                    None => draft.bad(IN, "cache.options.cache_size", &size),
                }
            }
        }
        "sqlite" => sqlite(&mut options, draft),
        "redis" => redis(&mut options, draft),
        "redis_sentinel" => sentinels(&mut options, draft),
        "postgres" => {
            draft.set(IN, "kind", "sqlite");
            draft.warn(
                IN,
                "cache.type: there is no PostgreSQL store; a file is used, or Redis if several machines share policies",
            );
            options.clear();
        }
        other => {
            draft.set(IN, "kind", "sqlite");
            draft.warn(IN, &format!("cache.type: \"{}\" is not known; a file is used", other.escape_debug()));
        }
    }
    draft.unknown(IN, "cache.options", options.keys());
}

fn sqlite(options: &mut Table, draft: &mut Draft) {
    draft.set("store", "kind", "sqlite");
    if options.remove("filename").is_some() {
        draft.say(
            "store",
            "cache.options.filename: the old file is left alone; path, in the state directory, is a new one",
        );
    }
    drop_keys(
        options,
        draft,
        &["threads", "timeout"],
        "has no counterpart; threads are few, and a call has store.timeout",
    );
}

fn redis(options: &mut Table, draft: &mut Draft) {
    draft.set("store", "kind", "redis");
    // Before version 1.1 it was called so, and might be a host and a port.
    let url = options.remove("url").or_else(|| options.remove("address"));
    let url = match &url {
        Some(Value::String(url)) if url.contains("://") => Some(url.clone()),
        Some(Value::String(path)) if path.starts_with('/') => Some(format!("unix:{path}")),
        Some(given) => host_and_port(given, 6379).map(|host| format!("redis://{host}")),
        None => Some("redis://127.0.0.1:6379".to_owned()),
    };
    let Some(mut url) = url else {
        draft.warn("store", "cache.options.url: cannot be understood; the server on this machine is taken");
        draft.set("store", "url", "redis://127.0.0.1:6379");
        return;
    };
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    if scheme == "unix" {
        url = format!("unix:{rest}");
    }
    add_login(&mut url, options);
    add_database(&mut url, options, draft);
    draft.set("store", "url", url);
    redis_rest(options, draft);
}

fn sentinels(options: &mut Table, draft: &mut Draft) {
    draft.set("store", "kind", "redis");
    let master = options.remove("sentinel_master_name");
    let given = options.remove("sentinels").unwrap_or(Value::Null);
    let servers: Vec<_> = given.as_array().into_iter().flatten().map(|item| host_and_port(item, 26379)).collect();
    match servers.iter().cloned().collect::<Option<Vec<_>>>().filter(|servers| !servers.is_empty()) {
        Some(servers) => {
            let urls: Vec<_> = servers.into_iter().map(|server| format!("redis://{server}")).collect();
            draft.set("store", "sentinels", urls);
        }
        None => {
            draft.warn("store", "cache.options.sentinels: cannot be understood; give the addresses of the sentinels");
            draft.set("store", "sentinels", vec!["redis://127.0.0.1:26379"]);
        }
    }
    draft.set("store", "master", master.as_ref().and_then(Value::as_str).unwrap_or("mymaster"));
    // The login and the database of the master itself.
    let mut url = "redis://127.0.0.1:6379".to_owned();
    let plain = url.clone();
    add_login(&mut url, options);
    add_database(&mut url, options, draft);
    if url != plain {
        draft.set("store", "url", url);
        draft.say("store", "url: only its login and its database count, since sentinels say where the master is");
    }
    redis_rest(options, draft);
}

fn redis_rest(options: &mut Table, draft: &mut Draft) {
    draft.say("store", "Keys get a prefix and an end now; those of the old daemon are left alone and may be removed.");
    drop_keys(
        options,
        draft,
        &["socket_timeout", "socket_connect_timeout", "timeout", "minsize", "maxsize", "max_connections"],
        "has no counterpart; a call has store.timeout, and one connection is shared",
    );
}

fn drop_keys(options: &mut Table, draft: &mut Draft, keys: &[&str], why: &str) {
    for key in keys {
        if options.remove(*key).is_some() {
            draft.say("store", &format!("cache.options.{key}: {why}"));
        }
    }
}

/// `[host, port]`, `{host, port}` or `host:port`.
fn host_and_port(value: &Value, default: u16) -> Option<String> {
    let (host, port) = match value {
        Value::String(both) => {
            let has_port = both.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            return Some(if has_port { both.clone() } else { format!("{both}:{default}") });
        }
        Value::Array(items) => (items.first()?, items.get(1)),
        Value::Object(map) => (map.get("host")?, map.get("port")),
        _ => return None,
    };
    let port = port.map_or(Some(default.to_string()), text)?;
    let host = host.as_str()?;
    Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

/// A login that is not in the URL.
fn add_login(url: &mut String, options: &mut Table) {
    let (user, password) = (options.remove("username"), options.remove("password"));
    let Some(password) = password.as_ref().and_then(text) else { return };
    let user = user.as_ref().and_then(text).unwrap_or_default();
    if let Some((scheme, rest)) = url.split_once("://")
        && !rest.contains('@')
    {
        *url = format!("{scheme}://{}:{}@{rest}", percent_encoded(&user), percent_encoded(&password));
    }
}

/// RFC 3986 §2.1.
fn percent_encoded(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn add_database(url: &mut String, options: &mut Table, draft: &mut Draft) {
    let Some(given) = options.remove("db") else { return };
    let Some(number) = text(&given).filter(|number| number.parse::<u32>().is_ok()) else {
        return draft.bad("store", "cache.options.db", &given);
    };
    if url.starts_with("unix:") {
        *url = format!("{url}?db={number}");
    } else if let Some((scheme, rest)) = url.split_once("://") {
        // As in redis-py, what is in the URL comes first.
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if path.is_empty() {
            *url = format!("{scheme}://{host}/{number}");
        }
    }
}

fn refresh(map: &mut Table, draft: &mut Draft) {
    const IN: &str = "refresh";
    let mut proactive = table(map, "proactive_policy_fetching");
    if let Some(given) = proactive.remove("enabled") {
        match given.as_bool() {
            Some(enabled) => draft.set(IN, "enabled", enabled),
            None => draft.bad(IN, "proactive_policy_fetching.enabled", &given),
        }
    }
    for key in ["interval", "concurrency_limit", "grace_ratio"] {
        if proactive.remove(key).is_some() {
            draft.say(
                IN,
                &format!(
                    "proactive_policy_fetching.{key}: has no counterpart; each policy is renewed daily or at half its life"
                ),
            );
        }
    }
    draft.unknown(IN, "proactive_policy_fetching", proactive.keys());
}

fn zones(map: &mut Table, draft: &mut Draft) {
    let mut default = table(map, "default_zone");
    default.remove("timeout");
    zone(&mut default, "zones.default", "default_zone", None, draft);
    let named = table(map, "zones");
    for (name, given) in named {
        let path = format!("zones.{}", name.escape_debug());
        let table = draft::zone(&name);
        match given {
            Value::Object(mut given) => {
                if given.remove("timeout").is_some() {
                    draft.say(&table, "timeout: has no counterpart for a single zone; see dns.timeout");
                }
                // Its zones do not take over what the default zone says.
                zone(&mut given, &table, &path, Some(false), draft);
            }
            Value::Null => zone(&mut Map::new(), &table, &path, Some(false), draft),
            other => draft.bad(&table, &path, &other),
        }
    }
}

fn zone(given: &mut Table, table: &str, path: &str, otherwise: Option<bool>, draft: &mut Draft) {
    for (key, default) in
        [("strict_testing", otherwise), ("require_sni", otherwise.map(|_| true)), ("tlsrpt", otherwise)]
    {
        match given.remove(key) {
            Some(Value::Bool(value)) => draft.set(table, key, value),
            Some(other) => draft.bad(table, key, &other),
            None => {
                if let Some(default) = default {
                    draft.set(table, key, default);
                }
            }
        }
    }
    draft.unknown(table, path, given.keys());
}
