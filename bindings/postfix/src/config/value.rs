//! Values of the configuration as they are written.

use crate::{
    config::{Dnssec, Listen, LogFormat, LogLevel, StoreKind},
    zone::{DaneMode, TlsRptAttributes},
};
use core::{net::SocketAddr, time::Duration};
use mta_sts::{IpNet, Mode, NameServer};
use std::{net::IpAddr, path::PathBuf};

/// Longer spans are a slip.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 86_400);

/// `text` in quotes, safe to show.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// `5s`, `1h 30m`, `50ms`: more than nothing, and at most `most`.
pub(super) fn duration(most: Option<Duration>) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        let most = most.unwrap_or(MAX_DURATION);
        let duration = humantime::parse_duration(text).map_err(|_| {
            format!("{} is no time span: give a number and a unit, such as \"5s\" or \"1h\"", quoted(text))
        })?;
        match duration {
            Duration::ZERO => Err("give more than nothing".to_owned()),
            longer if longer > most => Err(format!("give at most \"{}\"", humantime::format_duration(most))),
            duration => Ok(duration),
        }
    }
}

pub(super) fn listen(text: &str) -> Result<Listen, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return absolute(path).map(Listen::Unix);
    }
    let hint = match text.parse::<IpAddr>() {
        Ok(address) => format!(": a port is missing, such as {}", SocketAddr::new(address, 8461)),
        Err(_) if text.starts_with('/') => format!(": write \"unix:{}\"", text.escape_debug()),
        Err(_) => ": give ADDRESS:PORT, such as 127.0.0.1:8461, or unix:/PATH".to_owned(),
    };
    text.parse().map(Listen::Tcp).map_err(|_| format!("{} is no address to listen on{hint}", quoted(text)))
}

/// `unix:/path`, or nothing for none.
pub(super) fn admin(text: &str) -> Result<Option<PathBuf>, String> {
    match text.strip_prefix("unix:") {
        _ if text.is_empty() => Ok(None),
        Some(path) => absolute(path).map(Some),
        None => Err(format!("{} is no unix socket: give unix:/PATH, or \"\" for none", quoted(text))),
    }
}

fn absolute(path: &str) -> Result<PathBuf, String> {
    // The path must fit into a sockaddr_un.
    const MAX_SOCKET_PATH: usize = 107;
    match path {
        _ if !path.starts_with('/') => Err(format!("unix:{}: the path must begin with /", path.escape_debug())),
        _ if path.contains('\0') => Err("a path holds no NUL".to_owned()),
        _ if path.len() > MAX_SOCKET_PATH => {
            Err(format!("the path of a unix socket has at most {MAX_SOCKET_PATH} octets: choose a shorter one"))
        }
        _ => Ok(path.into()),
    }
}

/// An address for which only this machine can ask, or nothing for none.
pub(super) fn http(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let address: SocketAddr = text
        .parse()
        .map_err(|_| format!("{} is no address: give 127.0.0.1:PORT or [::1]:PORT, or \"\" for none", quoted(text)))?;
    if !address.ip().to_canonical().is_loopback() {
        return Err(format!(
            "{address} is not a loopback address, and there is no access control: listen on 127.0.0.1 or [::1], \
             and put a web server before it for others"
        ));
    }
    Ok(Some(address))
}

pub(super) fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.filter(|_| !text.starts_with('+'))
        .ok_or_else(|| format!("{} is no mode: give octal digits up to 0777, such as \"0666\"", quoted(text)))
}

pub(super) fn name_server(text: &str) -> Result<NameServer, String> {
    text.parse().map_err(|error| format!("{}: {error}", quoted(text)))
}

pub(super) fn net(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|_| format!("{} is no net: give one such as 10.0.0.0/8 or 2001:db8::/32", quoted(text)))
}

pub(super) fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    not_empty(text).map(PathBuf::from)
}

/// A URL whose scheme the Redis client knows. The rest is judged by it.
pub(super) fn redis_url(text: &str) -> Result<String, String> {
    const SCHEMES: [&str; 3] = ["redis://", "rediss://", "unix:"];
    match SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
        true => Ok(text.to_owned()),
        // Not shown: it may hold a password.
        false => Err("no URL of a Redis server: give redis://HOST:PORT/DATABASE, rediss://… or unix:/PATH".to_owned()),
    }
}

/// One of some words.
pub(super) fn word<T: Copy>(words: &[(&str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            format!("{} is none of {}", quoted(text), words.join(", "))
        })
    }
}

/// The word for a value.
pub(super) fn name<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

pub(super) const DANE: [(&str, DaneMode); 3] =
    [("off", DaneMode::Off), ("reply", DaneMode::Reply), ("yield", DaneMode::Yield)];

pub(super) const DNSSEC: [(&str, Dnssec); 3] =
    [("off", Dnssec::Off), ("ad", Dnssec::Ad), ("validate", Dnssec::Validate)];

pub(super) const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

pub(super) const KINDS: [(&str, StoreKind); 3] =
    [("sqlite", StoreKind::Sqlite), ("memory", StoreKind::Memory), ("redis", StoreKind::Redis)];

pub(super) const LEVELS: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

pub(super) const MODES: [(&str, Mode); 3] =
    [("enforce", Mode::Enforce), ("testing", Mode::Testing), ("none", Mode::None)];

pub(super) const TLSRPT: [(&str, TlsRptAttributes); 3] = [
    ("never", TlsRptAttributes::Never),
    ("on-request", TlsRptAttributes::OnRequest),
    ("always", TlsRptAttributes::Always),
];
