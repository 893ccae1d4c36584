//! The service manager: sockets that it opened, and what it is told.

use crate::{
    ENFORCED,
    common::command,
    daemon::{Daemon, Directory, ask, publish, settings},
};
use mta_sts_lab::Lab;
use rustix::process::Signal;
use std::{
    os::unix::net::{UnixDatagram, UnixStream},
    process::Command,
    time::{Duration, Instant},
};

/// Opens the sockets as systemd does, and becomes the program in its arguments.
const OPENER: &str = r#"
import os, socket, sys
kinds, directory, program = sys.argv[1].split(","), sys.argv[2], sys.argv[3:]
sockets = []
for name in kinds:
    if name == "tcp":
        s = socket.create_server(("127.0.0.1", 0))
    elif name == "udp":
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    elif name == "silent":
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
    else:
        s = socket.socket(socket.AF_UNIX)
        s.bind(directory + "/" + name + ".sock")
        s.listen()
    sockets.append(s)
for s in sockets:
    assert s.fileno() >= 3
high = [os.dup(s.fileno()) for s in sockets]
high = [os.dup2(fd, 100 + i, True) for i, fd in enumerate(high)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i, True)
os.closerange(3 + len(high), 200)
os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=":".join(kinds))
os.execv(program[0], program)
"#;

/// Starts the daemon by way of [`OPENER`], which needs python3.
fn opener(kinds: &str, directory: &Directory) -> Command {
    let mut opener = Command::new("python3");
    opener.args(["-c", OPENER, kinds]).arg(directory.path(""));
    opener.arg(command().get_program());
    opener
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_were_opened_for_it_are_served_and_left() {
    let lab = Lab::start().await.unwrap();
    publish(&lab, "a.test", "mail.a.test");
    let directory = Directory::new();
    // Nothing is said of where to listen: then the default is not opened beside them.
    let text = settings(&lab, "[server]\nhttp = \"\"\n");
    let daemon = Daemon::start_by(opener("tcp,map,admin", &directory), &directory, &text);
    assert_eq!(ask(&mut daemon.connect(), "postfix", "a.test"), ENFORCED);
    let socket = directory.path("map.sock");
    let mut client = UnixStream::connect(&socket).unwrap();
    assert_eq!(ask(&mut client, "postfix", "a.test"), ENFORCED);
    let ready = daemon.lines_so_far().into_iter().find(|line| line.contains(" ready ")).unwrap();
    assert!(ready.contains("map.sock") && !ready.contains("admin.sock") && !ready.contains(":8461"), "{ready}");

    // They outlive a reload, also one that names others.
    let other = directory.path("other.sock");
    daemon.reload(&settings(&lab, &format!("[server]\nhttp = \"\"\nlisten = [\"unix:{}\"]\n", other.display())));
    daemon.line(" reloaded ");
    assert_eq!(ask(&mut daemon.connect(), "postfix", "a.test"), ENFORCED);
    assert_eq!(ask(&mut UnixStream::connect(&other).unwrap(), "postfix", "a.test"), ENFORCED);
    assert_eq!(daemon.stop(), 0);
    // The file is the service manager's.
    assert!(socket.exists() && !other.exists());
}

#[test]
fn sockets_of_another_kind_are_refused() {
    for (kinds, named) in [("tcp,udp", "socket 1 (\"udp\")"), ("silent", "socket 0 (\"silent\")")] {
        let directory = Directory::new();
        let config = "[server]\nlisten = []\nhttp = \"\"\n";
        let (code, said) = crate::daemon::refused(opener(kinds, &directory), &directory, config);
        assert_eq!(code, 3, "{said}");
        assert!(said.contains(named) && said.contains("is no listening TCP or unix stream socket"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_for_another_process_are_left_alone() {
    let lab = Lab::start().await.unwrap();
    let directory = Directory::new();
    let mut command = command();
    command.env("LISTEN_FDS", "3").env("LISTEN_PID", "1");
    let daemon = Daemon::start_by(command, &directory, &settings(&lab, ""));
    assert_eq!(daemon.stop(), 0);
}

/// What the service manager gets, up to a message with `part`.
fn told(socket: &UnixDatagram, part: &str) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(20);
    let mut messages = Vec::new();
    while Instant::now() < until {
        let mut message = [0; 4096];
        if let Ok(len) = socket.recv(&mut message) {
            messages.push(String::from_utf8(message[..len].to_vec()).unwrap());
            if messages[messages.len() - 1].contains(part) {
                return messages;
            }
        }
    }
    panic!("{part}: {messages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_is_told_of_every_step() {
    let lab = Lab::start().await.unwrap();
    let directory = Directory::new();
    let path = directory.path("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut command = command();
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let daemon = Daemon::start_by(command, &directory, &settings(&lab, ""));
    let ready = told(&socket, "READY=1");
    assert!(ready[ready.len() - 1].contains("STATUS=answers on 127.0.0.1:"), "{ready:?}");
    // Twice as often as it must.
    told(&socket, "WATCHDOG=1");
    let began = Instant::now();
    told(&socket, "WATCHDOG=1");
    assert!(began.elapsed() < Duration::from_millis(380), "{:?}", began.elapsed());

    for text in [settings(&lab, ""), "nonsense".to_owned()] {
        daemon.reload(&text);
        let reloading = told(&socket, "RELOADING=1").pop().unwrap();
        let stamp = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
        assert!(stamp.parse::<u64>().unwrap() > 0);
        told(&socket, "READY=1");
    }
    daemon.signal(Signal::TERM);
    told(&socket, "STOPPING=1");
    assert_eq!(daemon.wait(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_the_journal_lines_have_no_time() {
    let lab = Lab::start().await.unwrap();
    let directory = Directory::new();
    let daemon = Daemon::start(&directory, &settings(&lab, ""));
    assert!(daemon.lines_so_far().iter().any(|line| line.starts_with("20")));
    assert_eq!(daemon.stop(), 0);
    let mut shell = Command::new("sh");
    shell.args(["-c", "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/2) exec \"$0\" \"$@\""]);
    shell.arg(command().get_program());
    let daemon = Daemon::start_by(shell, &directory, &settings(&lab, ""));
    assert!(daemon.lines_so_far().iter().any(|line| line.trim_start().starts_with("INFO ready ")));
    assert_eq!(daemon.stop(), 0);
}
