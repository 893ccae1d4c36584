//! What becomes of the log's lines, whether or not somebody reads them.

use crate::{
    ENFORCED,
    common::command,
    daemon::{Daemon, Directory, ask, publish, receive, refused, send, settings},
};
use mta_sts_lab::Lab;
use rustix::process::Signal;
use std::{
    io::{BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// Their lines are more than may wait.
const QUESTIONS: usize = 40_000;

/// A daemon that has its socket and its port from outside, since nobody reads where it listens.
struct Unread {
    lab: Lab,
    directory: Directory,
    socket: PathBuf,
    http: SocketAddr,
}

impl Unread {
    async fn new() -> Self {
        let lab = Lab::start().await.unwrap();
        publish(&lab, "a.test", "mail.a.test");
        let directory = Directory::new();
        let socket = directory.path("map.sock");
        let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { lab, directory, socket, http }
    }

    fn start(&self, command: Command) -> Daemon {
        let server = format!(
            "[server]\nlisten = [\"unix:{}\"]\nhttp = \"{}\"\nadmin = \"\"\n",
            self.socket.display(),
            self.http
        );
        Daemon::start_unread(command, &self.directory, &settings(&self.lab, &server))
    }

    fn connect(&self) -> UnixStream {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            match UnixStream::connect(&self.socket) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                    return stream;
                }
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks by one connection, so that the order of lines is known once the policy is.
    fn ask_many(&self) {
        const AT_ONCE: usize = 100;
        let mut stream = self.connect();
        assert_eq!(ask(&mut stream, "postfix", "a.test"), ENFORCED);
        let mut replies = BufReader::new(stream.try_clone().unwrap());
        let mut questions = Vec::new();
        for _ in 0..AT_ONCE {
            send(&mut questions, "postfix", "a.test");
        }
        for _ in 0..QUESTIONS / AT_ONCE {
            stream.write_all(&questions).unwrap();
            for _ in 0..AT_ONCE {
                assert_eq!(receive(&mut replies), ENFORCED);
            }
        }
    }

    fn health(&self) -> String {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_keeps_nobody_waiting() {
    let unread = Unread::new().await;
    let daemon = unread.start(command());
    unread.ask_many();
    assert_eq!(ask(&mut unread.connect(), "postfix", "a.test"), ENFORCED);
    assert!(unread.health().starts_with("HTTP/1.1 200 "));
    let began = Instant::now();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(), 0);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_on_is_told_how_many_lines_were_lost() {
    let unread = Unread::new().await;
    losses_are_said(&unread, command());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_the_same_where_writing_does_not_block() {
    let unread = Unread::new().await;
    losses_are_said(&unread, after("os.set_blocking(2, False)"));
}

/// The program, after this of Python was done to its standard error.
fn after(first: &str) -> Command {
    let mut python = Command::new("python3");
    python.args(["-c", &format!("import os, sys\n{first}\nos.execv(sys.argv[1], sys.argv[1:])")]);
    python.arg(command().get_program());
    python
}

fn losses_are_said(unread: &Unread, command: Command) {
    let mut daemon = unread.start(command);
    unread.ask_many();
    daemon.read();
    let said = daemon.line("log lines were lost, since nobody read them");
    let lost: usize = said.split("lines=").nth(1).unwrap().trim().parse().unwrap();
    assert_eq!(ask(&mut unread.connect(), "postfix", "a.test"), ENFORCED);
    daemon.signal(Signal::TERM);
    daemon.line("INFO stopped");
    let lines = daemon.lines_so_far();
    let decisions: Vec<_> = lines.iter().filter(|line| line.contains(" decision zone=")).collect();
    assert!(decisions.iter().all(|line| line.starts_with("20") && line.contains(" ms=")), "a line is not whole");
    assert_eq!(decisions.len() + lost, QUESTIONS + 2);
    assert!(decisions.is_sorted_by_key(|line| line.split(' ').next()), "a line is out of order");
    assert_eq!(daemon.wait(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_lines_are_there() {
    let lab = Lab::start().await.unwrap();
    publish(&lab, "a.test", "mail.a.test");
    let directory = Directory::new();
    let daemon = Daemon::start(&directory, &settings(&lab, ""));
    let mut client = daemon.connect();
    for _ in 0..3 {
        assert_eq!(ask(&mut client, "postfix", "a.test"), ENFORCED);
    }
    daemon.signal(Signal::TERM);
    daemon.line("INFO stopped");
    let lines = daemon.lines_so_far();
    assert_eq!(lines.iter().filter(|line| line.contains(" decision zone=")).count(), 3, "{lines:#?}");
    assert_eq!(daemon.wait(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_logged_before_a_refusal_is_before_it() {
    let lab = Lab::start().await.unwrap();
    let directory = Directory::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("[server]\nlisten = [\"{}\"]\nhttp = \"\"\nadmin = \"\"\n", taken.local_addr().unwrap());
    let text = settings(&lab, &format!("{server}[store]\nkind = \"memory\"\n"));
    let (code, said) = refused(command(), &directory, &text);
    let lines: Vec<_> = said.lines().collect();
    assert!(code == 3 && lines.len() == 3, "{said}");
    assert!(lines[1].contains("a restart forgets them") && lines[2].contains("Address already in use"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_nobody_reads_ends_it_all_the_same() {
    const FILL: &str = "
os.set_blocking(2, False)
try:
    while True: os.write(2, b'x' * 4096)
except BlockingIOError: os.set_blocking(2, True)
";
    let lab = Lab::start().await.unwrap();
    let directory = Directory::new();
    let text = settings(&lab, "[server]\nlisten = []\nhttp = \"\"\nadmin = \"\"\n");
    let began = Instant::now();
    assert_eq!(Daemon::start_unread(after(FILL), &directory, &text).wait(), 3);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
