//! `config.yaml` of postfix-tlspol.

use super::{draft::Draft, mode, table, text};
use core::net::{IpAddr, SocketAddr};
use serde_json::{Map, Value};

type Table = Map<String, Value>;

pub(super) fn import(mut map: Table, draft: &mut Draft) {
    let mut server = table(&mut map, "server");
    let mut dns = table(&mut map, "dns");
    sockets(&mut server, draft);
    rest(&mut server, draft);
    draft.unknown("server", "server", server.keys());
    resolver(&mut dns, draft);
    draft.unknown("dns", "dns", dns.keys());
    draft.unknown("server", "", map.keys());
}

fn sockets(server: &mut Table, draft: &mut Draft) {
    const IN: &str = "server";
    match server.remove("address").as_ref().map(text) {
        None => draft.set(IN, "listen", vec!["127.0.0.1:8642"]),
        Some(Some(address)) if address.is_empty() => {
            draft.set(IN, "listen", Vec::<String>::new());
            draft.say(IN, "server.address: empty, so that systemd passes the socket");
        }
        Some(Some(address)) => match address.strip_prefix(':') {
            Some(port) => draft.set(IN, "listen", vec![format!("[::]:{port}")]),
            None => draft.set(IN, "listen", vec![address.replacen("localhost:", "127.0.0.1:", 1)]),
        },
        Some(None) => draft.warn(IN, "server.address: cannot be understood, left out"),
    }
    if let Some(given) = server.remove("socket-permissions") {
        match mode(&given) {
            Some(mode) => draft.set(IN, "socket_mode", mode),
            None => draft.bad(IN, "server.socket-permissions", &given),
        }
    }
    if let Some(given) = server.remove("metrics-address") {
        let address = text(&given).unwrap_or_default().replacen("localhost:", "127.0.0.1:", 1);
        match address.parse::<SocketAddr>() {
            _ if address.is_empty() => {}
            Ok(address) if address.ip().is_loopback() => {
                draft.set(IN, "http", address.to_string());
                draft.say(IN, "http: metrics have other names here");
            }
            _ => draft.warn(
                IN,
                "server.metrics-address: metrics are served on loopback addresses only; see http, and put a web server before it",
            ),
        }
    }
}

fn rest(server: &mut Table, draft: &mut Draft) {
    if let Some(given) = server.remove("prefetch") {
        match given.as_bool() {
            Some(prefetch) => draft.set("refresh", "enabled", prefetch),
            None => draft.bad("refresh", "server.prefetch", &given),
        }
    }
    if let Some(given) = server.remove("tlsrpt") {
        match given.as_bool() {
            Some(true) => draft.set("zones.QUERY", "tlsrpt", "always"),
            Some(false) => {}
            None => draft.bad("zones.QUERY", "server.tlsrpt", &given),
        }
    }
    if server.remove("cache-file").is_some() {
        draft.say(
            "store",
            "server.cache-file: policies are kept in a file in the state directory; the old one is left alone",
        );
    }
    if let Some(given) = server.remove("log-level") {
        match given.as_str().map(str::to_lowercase).as_deref() {
            Some(level @ ("debug" | "info" | "warn" | "error")) => draft.set("log", "level", level),
            _ => draft.bad("log", "server.log-level", &given),
        }
    }
    if let Some(given) = server.remove("log-format") {
        match given.as_str() {
            Some(format @ ("text" | "json")) => draft.set("log", "format", format),
            _ => draft.bad("log", "server.log-format", &given),
        }
    }
}

fn resolver(dns: &mut Table, draft: &mut Draft) {
    const IN: &str = "dns";
    let given = dns.remove("address");
    let address = given.as_ref().and_then(text).filter(|address| !address.is_empty());
    let parsed = address.as_ref().map(|address| {
        let ip = || address.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
        address.replacen("localhost:", "127.0.0.1:", 1).parse().or_else(|_| ip())
    });
    let is_near = match parsed {
        Some(Ok(address)) => {
            draft.set(IN, "servers", vec![address.to_string()]);
            address.ip().is_loopback()
        }
        Some(Err(_)) => {
            draft.warn(IN, "dns.address: no address and port; the system's name servers are taken");
            false
        }
        None => false,
    };
    if is_near {
        draft.set(IN, "dnssec", "ad");
    } else {
        draft.set(IN, "dnssec", "validate");
        draft.say(
            IN,
            "dnssec: what a name server that is not on loopback says of DNSSEC is not trusted, but checked here",
        );
    }
}
