//! What holds where the file says nothing.

use super::{Admin, Config, Dns, Health, Https, Log, LogFormat, LogLevel, Refresh, Server, Store, StoreKind};
use crate::zone::Zone;
use core::{net::SocketAddr, time::Duration};

impl Default for Config {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            server: Server {
                listen: None,
                socket_mode: 0o666,
                socket_owner: None,
                socket_group: None,
                max_connections: 10_000,
                // Less than the five seconds that clients by libmtasts wait: "there is none" must not come too late.
                answer_timeout: seconds(4),
                drain: seconds(20),
                admin: Admin::Default,
                http: Some(SocketAddr::from(([127, 0, 0, 1], 8462))),
            },
            dns: Dns { servers: Vec::new(), timeout: seconds(5), dnssec: None, trust_anchors: None },
            https: Https {
                ca_file: None,
                only_ca_file: false,
                port: 443,
                timeout: seconds(60),
                allow_nets: Vec::new(),
            },
            store: Store {
                kind: StoreKind::Sqlite,
                path: "policies.db".into(),
                url: None,
                sentinels: Vec::new(),
                master: None,
                prefix: "mta-sts:".to_owned(),
                memory_entries: 10_000,
                timeout: Duration::from_millis(50),
                grace: seconds(3600),
            },
            refresh: Refresh { enabled: true, unused_after: seconds(180 * 86_400), mx_check: Some(seconds(86_400)) },
            zones: vec![Zone::new("default")],
            overrides: Vec::new(),
            health: Health::default(),
            log: Log { level: LogLevel::Info, format: LogFormat::Text },
        }
    }
}
