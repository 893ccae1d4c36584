//! Every key with the words that explain it.

/// A table and its keys.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
    /// Keys, each with a line that explains it.
    pub(super) keys: &'static [(&'static str, &'static str)],
}

/// In the order in which they are shown.
pub(super) const TABLES: [Table; 9] = [
    Table {
        name: "server",
        about: "sockets and clients",
        keys: &[
            ("listen", "\"ADDRESS:PORT\" or \"unix:/PATH\"; [] if systemd passes all sockets"),
            ("socket_mode", "mode of the unix sockets in listen: who may write may connect"),
            ("socket_owner", "their owner, a name or a number"),
            ("socket_group", "their group, a name or a number"),
            ("max_connections", "beyond it the longest idle connection ends"),
            (
                "answer_timeout",
                "how long a client waits for a lookup (Postfix longer, for DANE); the lookup goes on behind",
            ),
            ("drain", "how long the answers that are under way have at the end"),
            ("admin", "the socket of \"mta-sts cache\", mode 0600; \"\" for none"),
            ("http", "/metrics and /healthz, on a loopback address; \"\" for none"),
        ],
    },
    Table {
        name: "dns",
        about: "how DNS is asked",
        keys: &[
            ("servers", "recursive name servers: ADDRESS[:PORT], tls://ADDRESS#NAME, https://ADDRESS/PATH#NAME"),
            ("timeout", "one question, with all servers and retries"),
            ("dnssec", "for DANE: \"off\", \"ad\" (servers on loopback are trusted) or \"validate\""),
            ("trust_anchors", "with \"validate\": a file of DNSKEY records of the root, instead of the built-in ones"),
        ],
    },
    Table {
        name: "https",
        about: "how policies are fetched",
        keys: &[
            ("ca_file", "PEM file of CA certificates that are trusted too"),
            ("only_ca_file", "trust these alone, and not the system's"),
            ("port", "of policy hosts; only tests want another"),
            ("timeout", "a whole fetch"),
            ("allow_nets", "nets to connect to though they are not global"),
        ],
    },
    Table {
        name: "store",
        about: "where policies are kept",
        keys: &[
            ("kind", "\"sqlite\", \"memory\" or \"redis\""),
            ("path", "with \"sqlite\": the file, relative to the state directory"),
            ("url", "with \"redis\": redis://HOST:PORT/DATABASE, rediss://… or unix:/PATH"),
            ("sentinels", "with \"redis\": the sentinels to ask for the master"),
            ("master", "the name by which they know it"),
            ("prefix", "before every key in Redis"),
            ("memory_entries", "policies in memory: before the store, or all of them with \"memory\""),
            ("timeout", "one call of the store"),
            ("grace", "how long questions are put off while the store cannot be read"),
        ],
    },
    Table {
        name: "refresh",
        about: "how policies are kept fresh",
        keys: &[
            ("enabled", "policies are renewed before they end"),
            ("unused_after", "domains without mail for so long are let go"),
            ("mx_check", "how often the MX names of held policies are checked; \"off\" for never"),
        ],
    },
    Table {
        name: "zones",
        about: "a map name of Postfix; \"default\" is for all others",
        keys: &[
            ("strict_testing", "policies in mode \"testing\" are enforced"),
            ("require_sni", "servername=hostname; Postfix before 3.4 does not know it"),
            ("tlsrpt", "attributes for TLS reports: \"never\", \"on-request\" or \"always\" (Postfix 3.10 and later)"),
            ("smart_hosts", "[host] and host:port are looked up"),
            ("dane", "domains with DANE: \"off\", \"reply\" (dane-only) or \"yield\" (not found)"),
        ],
    },
    Table {
        name: "overrides",
        about: "a domain that is treated otherwise; a dot before it means all below it",
        keys: &[
            ("exempt", "there is no policy"),
            ("mode", "a static policy: its mode"),
            ("mx", "its hosts"),
            ("refresh", "the policy is fetched anew that often"),
        ],
    },
    Table {
        name: "health",
        about: "what /healthz looks at",
        keys: &[("canary", "a domain that has a policy, looked up for it; one without fails; \"\" for none")],
    },
    Table {
        name: "log",
        about: "what is written to standard error",
        keys: &[("level", "error, warn, info, debug or trace"), ("format", "\"text\" or \"json\"")],
    },
];

/// The table that has such a key.
pub(super) fn section_of(key: &str) -> Option<&'static str> {
    let table = TABLES.iter().find(|table| table.keys.iter().any(|(known, _)| *known == key))?;
    Some(match table.name {
        "zones" => "zones.default",
        name => name,
    })
}

/// The line that explains a key.
pub(super) fn about(table: &str, key: &str) -> &'static str {
    let table = TABLES.iter().find(|known| known.name == table);
    let key = table.and_then(|table| table.keys.iter().find(|(known, _)| *known == key));
    key.map_or("", |(_, about)| *about)
}
