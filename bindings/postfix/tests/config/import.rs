//! The configurations of other programs.

use mta_sts_postfix::{
    config::Config,
    migrate::{Import, ImportError, Origin, import},
};

/// What is made of a text, and read as a configuration.
fn imported(text: &str) -> (Import, Config) {
    let import = import(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let config = Config::parse(&import.toml, "made").unwrap_or_else(|error| panic!("{error}\n{}", import.toml));
    (import, config)
}

const RESOLVER: &str = r#"
# mta-sts-daemon.yml
host: 127.0.0.1
port: 8461
reuse_port: true
shutdown_timeout: 20
cache_grace: 60
cache:
  type: internal
  options:
    cache_size: 20000
proactive_policy_fetching:
  enabled: true
  interval: 86400
  concurrency_limit: 100
  grace_ratio: 2.0
default_zone:
  strict_testing: false
  timeout: 4
  require_sni: true
  tlsrpt: true
zones:
  myzone:
    strict_testing: true
    timeout: 4
  old.postfix:
    require_sni: false
"#;

#[test]
fn a_configuration_of_postfix_mta_sts_resolver_is_taken_over() {
    let (import, config) = imported(RESOLVER);
    assert_eq!((import.from, &*import.warnings), (Origin::MtaStsResolver, &[][..]));
    let shown = config.to_toml();
    for line in [
        "listen = [\"127.0.0.1:8461\"]",
        "drain = \"20s\"",
        "timeout = \"4s\"",
        "kind = \"sqlite\"",
        "memory_entries = 20000",
        "[zones.myzone]",
        "[zones.\"old.postfix\"]",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let zone = |at: usize| {
        let zone = &config.zones[at];
        (&*zone.name, zone.strict_testing, zone.require_sni, format!("{:?}", zone.tlsrpt))
    };
    assert_eq!(zone(0), ("default", false, true, "Always".to_owned()));
    // Named zones do not take over what the default zone says.
    assert_eq!(zone(1), ("myzone", true, true, "Never".to_owned()));
    assert_eq!(zone(2), ("old.postfix", false, false, "Never".to_owned()));
    for comment in ["cached policies are not taken over", "# reuse_port: ", "# cache_grace: ", "_fetching.interval: "] {
        assert!(import.toml.contains(comment), "{comment}\n{}", import.toml);
    }
}

#[test]
fn every_store_of_postfix_mta_sts_resolver_has_a_counterpart_or_a_reason() {
    for (cache, expected, warns) in [
        (
            "type: sqlite\n  options: {filename: /var/lib/mta-sts/cache.db, threads: 4, timeout: 5}",
            "kind = \"sqlite\"",
            false,
        ),
        (
            "type: redis\n  options: {url: 'redis://192.0.2.1/1', socket_timeout: 5}",
            "url = \"redis://192.0.2.1/1\"",
            false,
        ),
        ("type: redis\n  options: {address: 'redis://192.0.2.1/1', db: 3}", "url = \"redis://192.0.2.1/1\"", false),
        (
            "type: redis\n  options: {address: 'redis://192.0.2.1', db: 3, minsize: 5}",
            "url = \"redis://192.0.2.1/3\"",
            false,
        ),
        ("type: redis\n  options: {address: [192.0.2.1, 6380]}", "url = \"redis://192.0.2.1:6380\"", false),
        ("type: redis\n  options: {address: /run/redis.sock, db: 2}", "url = \"unix:/run/redis.sock?db=2\"", false),
        ("type: redis\n  options: {url: 'unix:///run/redis.sock'}", "url = \"unix:/run/redis.sock\"", false),
        ("type: redis\n  options: {url: 'redis://h', password: 'a/b c'}", "url = \"redis://:a%2Fb%20c@h\"", false),
        ("type: redis\n  options: {url: {a: 1}}", "url = \"redis://127.0.0.1:6379\"", true),
        (
            "type: redis_sentinel\n  options: {sentinel_master_name: m, sentinels: [[192.0.2.1, 26379], '192.0.2.2:1', {host: h}]}",
            "sentinels = [\"redis://192.0.2.1:26379\", \"redis://192.0.2.2:1\", \"redis://h:26379\"]",
            false,
        ),
        ("type: redis_sentinel\n  options: {sentinels: x}", "master = \"mymaster\"", true),
        (
            "type: postgres\n  options: {dsn: 'postgres://user:secret@h/db', timeout: 5}",
            "there is no PostgreSQL store",
            true,
        ),
        ("type: etcd", "kind = \"sqlite\"", true),
        (
            "type: redis\n  options: {url: 'redis://h', ssl_ca_certs: x}",
            "cache.options.ssl_ca_certs: not a known key",
            true,
        ),
    ] {
        let (import, _) = imported(&format!("host: 127.0.0.1\ncache:\n  {cache}\n"));
        assert!(import.toml.contains(expected), "{cache}\n{}", import.toml);
        assert_eq!(!import.warnings.is_empty(), warns, "{cache}: {:?}", import.warnings);
        assert!(!import.toml.contains("secret"));
    }
}

#[test]
fn sockets_of_postfix_mta_sts_resolver_are_taken_over() {
    for (text, expected) in [
        ("path: /run/mta-sts.sock\nmode: 0660", "listen = [\"unix:/run/mta-sts.sock\"]\nsocket_mode = \"0660\""),
        ("path: /run/x\nmode: 0o600\nhost: 127.0.0.1", "socket_mode = \"0600\""),
        ("path: /run/x\nmode: '0600'", "socket_mode = \"0600\""),
        ("host: '::1'\nport: 1234", "listen = [\"[::1]:1234\"]"),
        ("host: localhost", "listen = [\"127.0.0.1:8461\"]"),
        ("port: 9000", "listen = [\"127.0.0.1:9000\"]"),
        ("host: mail.example.com", "# host: \"mail.example.com\" is no address"),
        ("host: 127.0.0.1\n\"a\\nb\": 1", "# a\\nb: not a known key, left out"),
        ("host: 127.0.0.1\nshutdown_timeout: soon", "# shutdown_timeout: a string that cannot be understood here"),
    ] {
        let (import, _) = imported(text);
        assert!(import.toml.contains(expected), "{text}\n{}", import.toml);
    }
}

const TLSPOL: &str = r#"
# Configuration of postfix-tlspol
server:
  address: 127.0.0.1:8642
  metrics-address: 127.0.0.1:8643
  socket-permissions: 0666
  log-level: warn
  log-format: json
  prefetch: true
  tlsrpt: true
  cache-file: /var/lib/postfix-tlspol/cache.db
dns:
  address: 127.0.0.53:53
"#;

#[test]
fn a_configuration_of_postfix_tlspol_is_taken_over() {
    let (import, _) = imported(TLSPOL);
    assert_eq!((import.from, &*import.warnings), (Origin::Tlspol, &[][..]));
    for line in [
        "listen = [\"127.0.0.1:8642\"]",
        "socket_mode = \"0666\"",
        "http = \"127.0.0.1:8643\"",
        "level = \"warn\"",
        "format = \"json\"",
        "enabled = true",
        "[zones.QUERY]\ntlsrpt = \"always\"",
        "servers = [\"127.0.0.53:53\"]\ndnssec = \"ad\"",
        "# server.cache-file: ",
    ] {
        assert!(import.toml.contains(line), "{line}\n{}", import.toml);
    }
    for (text, expected) in [
        ("server: {address: 'unix:/run/tlspol.sock'}", "listen = [\"unix:/run/tlspol.sock\"]"),
        ("server: {address: ''}", "listen = []"),
        ("server: {address: ':8642'}", "listen = [\"[::]:8642\"]"),
        ("server: {metrics-address: '0.0.0.0:1'}", "# server.metrics-address: metrics are served on loopback"),
        ("server: {nonsense: 1}", "# server.nonsense: not a known key, left out"),
        ("dns: {address: 192.0.2.53}", "servers = [\"192.0.2.53:53\"]\ndnssec = \"validate\""),
        ("dns: {}", "dnssec = \"validate\""),
    ] {
        let (import, _) = imported(text);
        assert!(import.toml.contains(expected), "{text}\n{}", import.toml);
    }
}

#[test]
fn what_is_neither_is_refused() {
    for text in ["", "[]", "a: 1", "\"x\"", "server: 1", "server: {}\nhost: 127.0.0.1"] {
        assert_eq!(import(text), Err(ImportError::NotKnown), "{text}");
    }
    assert!(matches!(import("a: [1"), Err(ImportError::NotYaml(Some(_)))));
    assert_eq!(import(&"#".repeat((1 << 20) + 1)), Err(ImportError::TooLarge));
    // No memory for what a few octets ask for.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..30 {
        bomb += &format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}, *a{0}]\n", i - 1);
    }
    assert!(matches!(import(&bomb), Err(ImportError::NotYaml(_))));
}
