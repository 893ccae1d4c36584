//! The daemon as it is run: the real binary, its signals, its sockets, and the service manager's.

mod cache;
#[path = "../common/mod.rs"]
mod common;
mod daemon;
mod health;
mod log;
mod manager;
mod refusals;

use daemon::{Daemon, Directory, ask, publish, settings};
use mta_sts_lab::{Lab, PolicyHost, Response};
use rustix::process::Signal;
use std::{
    fs,
    io::Read,
    net::TcpStream,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    time::Duration,
};

const ENFORCED: &str = "OK secure match=mail.a.test servername=hostname";

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_and_keeps_policies_over_a_restart() {
    let lab = Lab::start().await.unwrap();
    publish(&lab, "a.test", "mail.a.test");
    let directory = Directory::new();
    let daemon = Daemon::start(&directory, &settings(&lab, ""));
    let mut client = daemon.connect();
    assert_eq!(ask(&mut client, "postfix", "a.test"), ENFORCED);
    assert_eq!(ask(&mut client, "postfix", "b.test"), "NOTFOUND ");
    let mode = |path: &str| fs::metadata(directory.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("state"), mode("state/policies.db")), (0o700, 0o600));
    assert_eq!(daemon.stop(), 0);
    // The end of the connection, in order.
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 0);

    lab.world().clear();
    let daemon = Daemon::start(&directory, &settings(&lab, ""));
    assert_eq!(ask(&mut daemon.connect(), "postfix", "a.test"), ENFORCED);
    assert_eq!(daemon.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_configuration_takes_effect_while_connections_stay_open() {
    let lab = Lab::start().await.unwrap();
    publish(&lab, "a.test", "mail.a.test");
    let directory = Directory::new();
    let first = directory.path("first.sock");
    let listens = |sockets: &str| format!("[server]\nlisten = [\"127.0.0.1:0\"{sockets}]\nhttp = \"\"\nadmin = \"\"\n");
    let daemon = Daemon::start(&directory, &settings(&lab, &listens(&format!(", \"unix:{}\"", first.display()))));
    let mut tcp = daemon.connect();
    let mut unix = UnixStream::connect(&first).unwrap();
    assert_eq!(ask(&mut tcp, "other", "a.test"), ENFORCED);
    assert_eq!(ask(&mut unix, "other", "a.test"), ENFORCED);

    let second = directory.path("second.sock");
    let zone = "[zones.other]\nrequire_sni = false\n[log]\nlevel = \"debug\"\n";
    let text = settings(&lab, &(listens(&format!(", \"unix:{}\"", second.display())) + zone));
    daemon.reload(&text);
    let line = daemon.line(" reloaded ");
    assert!(line.contains("second.sock") && !line.contains("first.sock"), "{line}");
    let without_sni = "OK secure match=mail.a.test";
    assert_eq!(ask(&mut tcp, "other", "a.test"), without_sni);
    assert_eq!(ask(&mut unix, "other", "a.test"), without_sni);
    assert_eq!(ask(&mut UnixStream::connect(&second).unwrap(), "other", "a.test"), without_sni);
    assert!(UnixStream::connect(&first).is_err() && !first.exists());
    assert_eq!(ask(&mut daemon.connect(), "postfix", "a.test"), ENFORCED);

    // Another resolver on the same store: the name server is dead, the policy stays.
    daemon.reload(&text.replace(&lab.dns_addr().to_string(), "127.0.0.1:1"));
    daemon.line(" reloaded ");
    assert_eq!(ask(&mut tcp, "postfix", "a.test"), ENFORCED);
    publish(&lab, "late.test", "mail.late.test");
    assert_eq!(ask(&mut tcp, "postfix", "late.test"), "NOTFOUND ");
    assert_eq!(daemon.stop(), 0);
    assert!(!second.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_changes_nothing_and_says_why() {
    let lab = Lab::start().await.unwrap();
    publish(&lab, "a.test", "mail.a.test");
    let directory = Directory::new();
    let text = settings(&lab, "");
    let daemon = Daemon::start(&directory, &text);
    let mut client = daemon.connect();
    assert_eq!(ask(&mut client, "postfix", "a.test"), ENFORCED);

    daemon.reload(&format!("{text}[zones.default]\nrequire_snl = false\n"));
    assert!(daemon.line("did you mean").contains("unknown key"));
    daemon.line("not reloaded; the old configuration stays");
    assert_eq!(ask(&mut client, "postfix", "a.test"), ENFORCED);

    // Right as a file, and not to be had.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let both = format!("listen = [\"127.0.0.1:0\", \"{}\"]", taken.local_addr().unwrap());
    daemon.reload(
        &text
            .replace("listen = [\"127.0.0.1:0\"]", &both)
            .replace("[log]", "[zones.default]\nrequire_sni = false\n[log]"),
    );
    daemon.line("Address already in use");
    daemon.line("not reloaded; the old configuration stays");
    assert_eq!(ask(&mut client, "postfix", "a.test"), ENFORCED);

    // What cannot be changed is said.
    daemon.reload(&text.replace("[server]", "[server]\nmax_connections = 7"));
    assert!(daemon.line("takes effect at the next start").contains("server.max_connections"));
    daemon.line(" reloaded ");
    assert_eq!(daemon.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_before_the_end_is_answered() {
    let lab = Lab::start().await.unwrap();
    let policy = "version: STSv1\nmode: enforce\nmx: mail.a.test\nmax_age: 86400\n".to_owned();
    let octet_delay = Some(Duration::from_millis(1200) / u32::try_from(policy.len()).unwrap());
    publish(&lab, "a.test", "mail.a.test");
    let slow: PolicyHost = Response { octet_delay, ..Response::text(policy) }.into();
    lab.world().policy_host("mta-sts.a.test", slow);
    let directory = Directory::new();
    let daemon = Daemon::start(&directory, &settings(&lab, ""));
    let mut client = daemon.connect();
    daemon::send(&mut client, "postfix", "a.test");
    std::thread::sleep(Duration::from_millis(300));
    daemon.signal(Signal::TERM);
    daemon.line("stops");
    std::thread::sleep(Duration::from_millis(100));
    assert!(TcpStream::connect(daemon.address()).is_err());
    assert_eq!(daemon::receive(&mut client), ENFORCED);
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 0);
    assert_eq!(daemon.wait(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_takes_too_long_is_cut() {
    let lab = Lab::start().await.unwrap();
    publish(&lab, "a.test", "mail.a.test");
    lab.world().set("_mta-sts.a.test", mta_sts_lab::RecordType::Txt, mta_sts_lab::Answer::Silence);
    let directory = Directory::new();
    let text = settings(&lab, "").replace("[server]", "[server]\ndrain = \"300ms\"");
    let daemon = Daemon::start(&directory, &text);
    let mut client = daemon.connect();
    daemon::send(&mut client, "postfix", "a.test");
    std::thread::sleep(Duration::from_millis(300));
    let began = std::time::Instant::now();
    daemon.signal(Signal::INT);
    daemon.line("did not end in time");
    assert_eq!(daemon.wait(), 0);
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_file_is_moved_aside_and_it_goes_on() {
    let lab = Lab::start().await.unwrap();
    publish(&lab, "a.test", "mail.a.test");
    let directory = Directory::new();
    fs::create_dir(directory.path("state")).unwrap();
    fs::write(directory.path("state/policies.db"), [0x5a; 8192]).unwrap();
    let daemon = Daemon::start(&directory, &settings(&lab, ""));
    assert_eq!(ask(&mut daemon.connect(), "postfix", "a.test"), ENFORCED);
    assert_eq!(daemon.stop(), 0);
    let names = fs::read_dir(directory.path("state")).unwrap().map(|file| file.unwrap().file_name());
    assert!(names.into_iter().any(|name| name.to_string_lossy().starts_with("policies.db.corrupt-")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_store_says_that_it_forgets_and_json_lines_are_json() {
    let lab = Lab::start().await.unwrap();
    publish(&lab, "a.test", "mail.a.test");
    let directory = Directory::new();
    let text = settings(&lab, "[store]\nkind = \"memory\"\n").replace("[log]", "[log]\nformat = \"json\"");
    let daemon = Daemon::start(&directory, &text);
    for line in daemon.lines_so_far() {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["level"].is_string() && line["message"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    assert!(daemon.lines_so_far().iter().any(|line| line.contains("a restart forgets them")));
    assert_eq!(ask(&mut daemon.connect(), "postfix", "a.test"), ENFORCED);
    assert_eq!(daemon.stop(), 0);
    assert!(!directory.path("state/policies.db").exists());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn as_many_files_may_be_open_as_the_system_allows() {
    let lab = Lab::start().await.unwrap();
    let directory = Directory::new();
    let daemon = Daemon::start(&directory, &settings(&lab, ""));
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<_> = files.split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers[0], numbers[1], "{files}");
    assert_eq!(daemon.stop(), 0);
}
