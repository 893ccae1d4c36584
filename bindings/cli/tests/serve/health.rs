//! `mta-sts health` and a running daemon.

use crate::{
    common::{Run, run},
    daemon::{Daemon, Directory, publish, settings},
};
use mta_sts_lab::Lab;
use std::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn health_is_what_the_running_daemon_says_of_itself() {
    let lab = Lab::start().await.unwrap();
    publish(&lab, "a.test", "mail.a.test");
    let directory = Directory::new();
    let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = |canary: &str| {
        let server = format!("[server]\nlisten = [\"127.0.0.1:0\"]\nhttp = \"{http}\"\nadmin = \"\"\n");
        settings(&lab, &format!("{server}[health]\ncanary = \"{canary}\"\n"))
    };
    let daemon = Daemon::start(&directory, &text("a.test"));
    let config = directory.path("config.toml").display().to_string();
    let health = |args: &[&str]| -> Run { tokio::task::block_in_place(|| run([&["health"], args].concat())) };
    let by_config = health(&["--config", &config]);
    let expected = "\
ok       listeners: open
ok       store: readable
ok       fetches: not failing across domains
ok       canary: a.test was looked up
";
    assert_eq!((by_config.code, &*by_config.out, &*by_config.err), (0, expected, ""));

    let by_address = health(&["--http", &http.to_string(), "--json"]);
    assert_eq!((by_address.code, by_address.json()["status"].as_str()), (0, Some("ok")), "{by_address:?}");
    assert_eq!(daemon.stop(), 0);
    let nobody = health(&["--config", &config]);
    assert!(nobody.code == 3 && nobody.err.contains("is the daemon (\"mta-sts serve\") running?"), "{nobody:?}");

    let daemon = Daemon::start(&directory, &text("gone.test").replace(&lab.dns_addr().to_string(), "127.0.0.1:1"));
    let failing = health(&["--config", &config]);
    assert!(failing.code == 2 && failing.out.contains("failing  canary: gone.test: "), "{failing:?}");
    assert_eq!(daemon.stop(), 0);
    let off = health(&["--config", "/nonexistent.toml"]);
    assert!(off.code == 64 && off.err.contains("cannot read it"), "{off:?}");
}
