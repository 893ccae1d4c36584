//! The configuration file: what is taken, what is refused in which words, and what is shown.

mod import;

use mta_sts::{Mode, NameServer, core::Domain};
use mta_sts_postfix::{
    DaneMode, TlsRptAttributes,
    config::{Admin, Config, Dnssec, Listen, LogFormat, LogLevel, OverrideKind, Store, StoreKind},
};
use std::time::Duration;

/// A file with every key, none of them at its default.
const EVERY_KEY: &str = r#"
[server]
listen = ["127.0.0.1:8461", "[::1]:8461", "unix:/var/spool/postfix/mta-sts.sock"]
socket_mode = "0660"
socket_owner = "root"
socket_group = "0"
max_connections = 5_000
answer_timeout = "4s 500ms"
drain = "1m"
admin = "unix:/run/mta-sts/other.sock"
http = "[::1]:9000"
[dns]
servers = ["127.0.0.1", "[::1]:5300"]
timeout = "2s"
dnssec = "validate"
trust_anchors = "/etc/mta-sts/root.key"
[https]
ca_file = "/etc/ssl/extra.pem"
only_ca_file = true
port = 8443
timeout = "30s"
allow_nets = ["10.0.0.0/8", "2001:db8::1"]
[store]
kind = "redis"
path = "other.db"
url = "rediss://user:secret@192.0.2.1:6380/2"
sentinels = ["redis://:other@127.0.0.1:26379"]
master = "mymaster"
prefix = "mail:"
memory_entries = 500
timeout = "20ms"
grace = "30m"
[refresh]
enabled = false
unused_after = "90d"
mx_check = "off"
[zones.default]
strict_testing = true
require_sni = false
tlsrpt = true
smart_hosts = false
dane = "yield"
[zones.old]
tlsrpt = "never"
[zones.query]
tlsrpt = "always"
[overrides."example.com"]
exempt = true
[overrides.".Example.org"]
exempt = true
[overrides."partner.example"]
mode = "enforce"
mx = ["mx1.partner.example", "*.partner.example"]
[overrides."busy.example"]
refresh = "1h"
[health]
canary = "example.net"
[log]
level = "debug"
format = "json"
"#;

#[test]
fn every_key_is_read() {
    let Config { server, dns, https, store, refresh, zones, overrides, health, log, .. } =
        Config::parse(EVERY_KEY, "f").unwrap();
    let tcp = |text: &str| Listen::Tcp(text.parse().unwrap());
    let spool = Listen::Unix("/var/spool/postfix/mta-sts.sock".into());
    assert_eq!(server.listens(), [tcp("127.0.0.1:8461"), tcp("[::1]:8461"), spool]);
    assert_eq!((server.socket_mode, server.max_connections), (0o660, 5000));
    assert_eq!((server.socket_owner.as_deref(), server.socket_group.as_deref()), (Some("root"), Some("0")));
    assert_eq!((server.answer_timeout, server.drain), (Duration::from_millis(4500), Duration::from_secs(60)));
    assert_eq!(server.admin, Admin::At("/run/mta-sts/other.sock".into()));
    assert_eq!(server.http, Some("[::1]:9000".parse().unwrap()));
    let servers: [NameServer; 2] = ["127.0.0.1", "[::1]:5300"].map(|server| server.parse().unwrap());
    assert_eq!((&*dns.servers, dns.effective_dnssec()), (&servers[..], Dnssec::Validate));
    assert_eq!((dns.timeout, dns.trust_anchors), (Duration::from_secs(2), Some("/etc/mta-sts/root.key".into())));
    assert_eq!((https.ca_file, https.only_ca_file), (Some("/etc/ssl/extra.pem".into()), true));
    assert_eq!((https.port, https.timeout), (8443, Duration::from_secs(30)));
    assert_eq!(https.allow_nets, ["10.0.0.0/8", "2001:db8::1/128"].map(|net| net.parse().unwrap()));
    assert_eq!((store.kind, store.path), (StoreKind::Redis, "other.db".into()));
    assert_eq!(store.url.as_deref(), Some("rediss://user:secret@192.0.2.1:6380/2"));
    assert_eq!((store.sentinels.len(), store.master.as_deref(), &*store.prefix), (1, Some("mymaster"), "mail:"));
    assert_eq!((store.memory_entries, store.timeout), (500, Duration::from_millis(20)));
    assert_eq!((store.grace, refresh.enabled), (Duration::from_secs(1800), false));
    assert_eq!((refresh.unused_after, refresh.mx_check), (Duration::from_secs(90 * 86_400), None));
    let names: Vec<_> = zones.iter().map(|zone| &*zone.name).collect();
    assert_eq!(names, ["default", "old", "query"]);
    assert!(zones[0].strict_testing && !zones[0].require_sni && !zones[0].smart_hosts);
    assert_eq!((zones[0].dane, zones[0].tlsrpt), (DaneMode::Yield, TlsRptAttributes::Always));
    // What the default zone says holds for the others, but for the built-in one.
    assert_eq!((zones[1].strict_testing, zones[1].tlsrpt), (true, TlsRptAttributes::Never));
    assert_eq!((zones[2].strict_testing, zones[2].dane), (false, DaneMode::Reply));
    let domain = |name| Domain::from_ascii(name).unwrap();
    assert_eq!((&overrides[0].domain, overrides[0].below), (&domain("example.com"), false));
    assert_eq!((&overrides[1].domain, overrides[1].below), (&domain("example.org"), true));
    let mx = vec!["mx1.partner.example".to_owned(), "*.partner.example".to_owned()];
    assert_eq!(overrides[2].what, OverrideKind::Policy { mode: Mode::Enforce, mx });
    assert_eq!(overrides[3].what, OverrideKind::Refresh(Duration::from_secs(3600)));
    assert_eq!(health.canary, Some(domain("example.net")));
    assert_eq!((log.level, log.format), (LogLevel::Debug, LogFormat::Json));
}

#[test]
fn an_empty_file_is_the_default() {
    for text in ["", "# nothing\n", "[server]\n[zones]\n[overrides]\n", "[zones.default]\n"] {
        assert_eq!(Config::parse(text, "f"), Ok(Config::default()), "{text}");
    }
    let default = Config::default();
    assert_eq!(default.server.listens(), [Listen::Tcp("127.0.0.1:8461".parse().unwrap())]);
    assert_eq!((default.dns.effective_dnssec(), default.store.kind), (Dnssec::Off, StoreKind::Sqlite));
    assert_eq!(default.warnings(), [""; 0]);
}

#[test]
fn the_ad_bit_is_trusted_if_all_servers_are_named_and_near() {
    for (servers, dnssec) in [
        ("[]", Dnssec::Off),
        ("[\"127.0.0.1\"]", Dnssec::Ad),
        ("[\"127.0.0.1\", \"::1\"]", Dnssec::Ad),
        ("[\"127.0.0.1\", \"192.0.2.53\"]", Dnssec::Off),
        ("[\"tls://127.0.0.1\"]", Dnssec::Off),
    ] {
        let config = Config::parse(&format!("dns.servers = {servers}"), "f").unwrap();
        assert_eq!(config.dns.effective_dnssec(), dnssec, "{servers}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_to_do() {
    for (text, message) in [
        ("[server", "1:8: "),
        ("[sever]", "1:2: unknown table \"sever\"; did you mean \"server\"?"),
        ("[server]\nlissten = []", "2:1: unknown key \"lissten\" in [server]; did you mean \"listen\"?"),
        (
            "[server]\nsocket-mode = \"0666\"",
            "2:1: unknown key \"socket-mode\" in [server]; did you mean \"socket_mode\"?",
        ),
        ("[server]\nca_file = \"x\"", "2:1: unknown key \"ca_file\" in [server]; it belongs in [https]"),
        ("strict_testing = true", "1:1: unknown table \"strict_testing\"; it belongs in [zones.default]"),
        ("[log]\nzzz = 1", "2:1: unknown key \"zzz\" in [log]; known are level, format"),
        ("[zones.a]\nstrict = true", "2:1: unknown key \"strict\" in [zones.\"a\"]; did you mean \"strict_testing\"?"),
        ("server = 1", "1:10: server: give a table, not integer"),
        (
            "[server]\nlisten = \"127.0.0.1:1\"",
            "2:10: server.listen: give an array of strings, such as [\"…\"], not string",
        ),
        (
            "[server]\nlisten = [\"127.0.0.1\"]",
            "2:11: server.listen: \"127.0.0.1\" is no address to listen on: a port is missing, such as 127.0.0.1:8461",
        ),
        ("server.listen = [\"/run/x\"]", "\"/run/x\" is no address to listen on: write \"unix:/run/x\""),
        ("server.listen = [\"localhost:1\"]", "give ADDRESS:PORT, such as 127.0.0.1:8461, or unix:/PATH"),
        ("server.listen = [\"unix:x\"]", "unix:x: the path must begin with /"),
        ("server.socket_mode = \"888\"", "server.socket_mode: \"888\" is no mode: give octal digits up to 0777"),
        ("server.socket_mode = 666", "give a string in quotes, not integer"),
        ("server.max_connections = 0", "server.max_connections: give a number from 1 to 1000000"),
        ("server.max_connections = \"1\"", "server.max_connections: give a number, not string"),
        ("server.answer_timeout = \"5\"", "\"5\" is no time span: give a number and a unit, such as \"5s\" or \"1h\""),
        ("server.answer_timeout = \"0s\"", "server.answer_timeout: give more than nothing"),
        ("server.answer_timeout = \"2m\"", "server.answer_timeout: give at most \"1m 20s\""),
        (
            "server.http = \"0.0.0.0:80\"",
            "server.http: 0.0.0.0:80 is not a loopback address, and there is no access control",
        ),
        ("server.admin = \"127.0.0.1:1\"", "\"127.0.0.1:1\" is no unix socket: give unix:/PATH, or \"\" for none"),
        ("dns.servers = [\"dns.example\"]", "dns.servers: \"dns.example\": not a name server: give ADDRESS"),
        ("dns.dnssec = \"on\"", "dns.dnssec: \"on\" is none of \"off\", \"ad\", \"validate\""),
        ("dns.dnssec = \"ad\"", "1:14: dns.dnssec: \"ad\" trusts what name servers say of DNSSEC"),
        ("https.only_ca_file = true", "https.only_ca_file: nothing would be trusted: name https.ca_file too"),
        ("https.port = 65536", "https.port: give a number from 1 to 65535"),
        ("https.allow_nets = [\"10/8\"]", "https.allow_nets: \"10/8\" is no net: give one such as 10.0.0.0/8"),
        ("store.kind = \"postgres\"", "store.kind: \"postgres\" is none of \"sqlite\", \"memory\", \"redis\""),
        ("store.kind = \"redis\"", "store.url: missing"),
        ("store.url = \"secret\"", "store.url: no URL of a Redis server: give redis://HOST:PORT/DATABASE"),
        ("store.sentinels = [\"redis://h\"]", "store.master: missing"),
        ("refresh.mx_check = \"never\"", "refresh.mx_check: \"never\" is no time span"),
        ("zones.a.tlsrpt = \"yes\"", "\"yes\" is none of \"never\", \"on-request\", \"always\""),
        ("zones.a.dane = true", "dane: give a string in quotes, not boolean"),
        ("zones.\"a b\".dane = \"off\"", "\"a b\" is no map name"),
        ("overrides.\"a..b\".exempt = true", "\"a..b\" is no domain: "),
        ("[overrides.\"a.test\"]", "overrides.\"a.test\": nothing is said: give exempt = true"),
        ("[overrides.\"a.test\"]\nmx = [\"b.test\"]", "mx is of no use without mode"),
        ("[overrides.\"a.test\"]\nexempt = true\nrefresh = \"1h\"", "exempt, mode and refresh exclude each other"),
        ("[overrides.\"a.test\"]\nmode = \"enforce\"", "mode = \"enforce\" needs mx"),
        ("[overrides.\"a.test\"]\nmode = \"enforce\"\nmx = [\"b.test\", \"*\"]", "\"*\" is no MX pattern"),
        (
            "[overrides.\"a.test\"]\nmode = \"enforce\"\nmx = [\"b.test\\nmode: none\"]",
            "\"b.test\\nmode: none\" is no MX pattern",
        ),
        ("[overrides.\"a.test\"]\nrefresh = \"1m\"", "give at least \"5m\""),
        ("[overrides.\"a.test\"]\nexempt = true\n[overrides.\"A.test\"]\nexempt = true", "a.test is there twice"),
        ("health.canary = \"a@b\"", "health.canary: \"a@b\" is no domain: "),
        ("log.level = \"loud\"", "\"loud\" is none of \"error\", \"warn\", \"info\", \"debug\", \"trace\""),
        ("\"a\\u001bb\" = 1", "unknown table \"a\\u{1b}b\""),
    ] {
        let error = Config::parse(text, "f.toml").expect_err(text).to_string();
        assert!(error.contains(message), "{text}\n{error}\n{message}");
        assert!(error.starts_with("f.toml:") && !error.contains('\x1b'), "{error}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once_in_the_order_of_the_file() {
    let text = "[log]\nlevel = \"loud\"\n[server]\nlisten = [\"a\", \"127.0.0.1:1\", \"b\"]\nhtp = \"\"\n";
    let error = Config::parse(text, "f").unwrap_err();
    let places: Vec<_> = error.problems.iter().map(|problem| problem.place.unwrap()).collect();
    assert_eq!(places, [(2, 9), (4, 11), (4, 31), (5, 1)], "{error}");
}

#[test]
fn what_may_not_be_meant_is_a_warning() {
    for (text, warning) in [
        ("server.listen = []", "it starts only if systemd passes a socket"),
        ("server.listen = [\"0.0.0.0:8461\"]", "0.0.0.0:8461 is not a loopback address"),
        ("server.socket_owner = \"root\"", "no unix socket is in server.listen"),
        (
            "server.listen = [\"unix:/var/spool/postfix/s\"]\nserver.socket_group = \"no-such-group\"",
            "server.socket_group: \"no-such-group\" is not known on this machine",
        ),
        ("store.kind = \"memory\"", "forgets all policies at a restart"),
        ("store.url = \"redis://h\"", "of no use unless store.kind is \"redis\""),
        ("refresh.enabled = false", "policies end without being renewed"),
        ("zones.a.dane = \"reply\"", "zones.a.dane: nobody checks DNSSEC"),
        ("dns.trust_anchors = \"/x\"", "of no use unless dns.dnssec is \"validate\""),
        ("https.ca_file = \"/no/such/file\"", "there is no file: /no/such/file"),
        ("https.ca_file = \"/dev/null\"", "not a regular file: /dev/null"),
    ] {
        let warnings = Config::parse(text, "f").unwrap().warnings();
        assert!(warnings.iter().any(|one| one.contains(warning)), "{text}: {warnings:?}");
    }
}

#[test]
fn what_is_shown_can_be_read_again() {
    let config = Config::parse(EVERY_KEY, "f").unwrap();
    let shown = config.to_toml();
    assert!(!shown.contains("secret") && !shown.contains("other@"), "{shown}");
    let again = Config::parse(&shown, "shown").unwrap();
    assert_eq!(again.to_toml(), shown);
    assert_eq!(
        (again.server, again.dns, again.https, again.refresh, again.zones, again.overrides, again.health, again.log),
        (
            config.server,
            config.dns,
            config.https,
            config.refresh,
            config.zones,
            config.overrides,
            config.health,
            config.log
        )
    );
    let shown = Config::default().to_toml();
    assert_eq!(Config::parse(&shown, "shown").unwrap().to_toml(), shown);
    // A comment stands before each key.
    let lines: Vec<_> = shown.lines().filter(|line| !line.is_empty()).collect();
    for pair in lines.windows(2).filter(|pair| !pair[1].starts_with('#')) {
        assert!(pair[0].starts_with('#'), "{pair:?}");
    }
}

#[test]
fn odd_names_are_shown_so_that_they_can_be_read() {
    let text = "[zones.\"a\\\"b\\\\c\\u001b.d\"]\nstrict_testing = true\n";
    let config = Config::parse(text, "f").unwrap();
    assert_eq!(Config::parse(&config.to_toml(), "shown").unwrap().zones, config.zones);
}

#[test]
fn passwords_are_hidden() {
    for (url, masked) in [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://user:p@ss@host/0", "redis://***@host/0"),
        ("rediss://:a/b@host:1/2", "rediss://***@host:1/2"),
        ("redis://host/?password=x", "redis://host/"),
        ("unix:/run/redis.sock?pass=x&db=2", "unix:/run/redis.sock"),
    ] {
        assert_eq!(Store::masked(url), masked, "{url}");
    }
    let config = Config::parse(EVERY_KEY, "f").unwrap();
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_with_its_name() {
    let directory = std::env::temp_dir().join(format!("mta-sts-config-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("c.toml");
    let error = |path| Config::load(path).unwrap_err().to_string();
    assert!(error(&path).contains("c.toml: cannot read it: No such file"));
    std::fs::write(&path, [0xff]).unwrap();
    assert!(error(&path).ends_with("cannot read it: it is not UTF-8"));
    std::fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(error(&path).ends_with("cannot read it: it is longer than 1 MiB"));
    std::fs::write(&path, EVERY_KEY).unwrap();
    assert!(Config::load(&path).is_ok());
    std::fs::remove_dir_all(directory).unwrap();
}
