//! A running daemon, and what talks with it.

use crate::common::command;
use mta_sts_lab::{Lab, PolicyHost};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory that goes with the test; short, since the paths of sockets are.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mta-sts-serve-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Settings that reach the lab. `more` may have a `[server]` of its own.
pub(crate) fn settings(lab: &Lab, more: &str) -> String {
    let server = "[server]\nlisten = [\"127.0.0.1:0\"]\nhttp = \"\"\nadmin = \"\"\n";
    let server = if more.contains("[server]") { "" } else { server };
    let log = if more.contains("[log]") { "" } else { "[log]\nlevel = \"info\"\n" };
    format!(
        "{server}[dns]\nservers = [\"{dns}\"]\ntimeout = \"2s\"\n[https]\nca_file = \"CA_FILE\"\nonly_ca_file = true\n\
         port = {port}\nallow_nets = [\"127.0.0.0/8\"]\n{more}{log}",
        dns = lab.dns_addr(),
        port = lab.https_port(),
    )
    .replace("CA_FILE", &ca_file(lab))
}

fn ca_file(lab: &Lab) -> String {
    crate::common::file(&format!("{}.pem", lab.https_port()), lab.ca_pem().as_bytes()).display().to_string()
}

pub(crate) fn publish(lab: &Lab, domain: &str, mx: &str) {
    lab.world().txt(&format!("_mta-sts.{domain}"), &["v=STSv1; id=1;"]);
    let policy = format!("version: STSv1\nmode: enforce\nmx: {mx}\nmax_age: 86400\n");
    lab.world().policy_host(&format!("mta-sts.{domain}"), PolicyHost::serving(policy));
}

pub(crate) struct Daemon {
    child: Child,
    config: PathBuf,
    lines: Receiver<String>,
    all: Arc<Mutex<Vec<String>>>,
    /// Of the first TCP socket.
    address: Option<SocketAddr>,
}

impl Daemon {
    /// A daemon that is ready.
    pub(crate) fn start(directory: &Directory, config: &str) -> Self {
        Self::start_by(command(), directory, config)
    }

    /// The same, by a command that may have settings of its own.
    pub(crate) fn start_by(command: Command, directory: &Directory, config: &str) -> Self {
        let mut daemon = Self::start_unread(command, directory, config);
        daemon.read();
        let ready = daemon.line(" ready ");
        let listen = ready.split("listen=\"").nth(1).or_else(|| ready.split("\"listen\":\"").nth(1));
        let listen = listen.unwrap().split('"').next().unwrap();
        daemon.address = listen.split(' ').find_map(|address| address.parse().ok());
        daemon
    }

    /// A daemon that may not be ready yet, and whose log nobody reads.
    pub(crate) fn start_unread(mut command: Command, directory: &Directory, config: &str) -> Self {
        let path = directory.path("config.toml");
        fs::write(&path, config).unwrap();
        command.args(["serve", "--config"]).arg(&path).arg("--state-dir").arg(directory.path("state"));
        command.env_remove("JOURNAL_STREAM").stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        Self { child, config: path, lines: channel().1, all: Arc::default(), address: None }
    }

    /// From here on its log is read.
    pub(crate) fn read(&mut self) {
        let (sender, lines) = channel();
        self.lines = lines;
        let (stderr, kept) = (self.child.stderr.take().unwrap(), self.all.clone());
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line.clone());
                let _ = sender.send(line);
            }
        });
    }

    /// The next line of the log that holds `part`. Text and JSON lines are alike but for the space.
    pub(crate) fn line(&self, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(part) || line.contains(&format!("\"message\":\"{}\"", part.trim())) => {
                    return line;
                }
                Ok(_) => {}
                Err(_) => panic!("no line with {part:?}: {:#?}", self.lines_so_far()),
            }
        }
    }

    pub(crate) fn lines_so_far(&self) -> Vec<String> {
        self.all.lock().unwrap().clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn reload(&self, config: &str) {
        fs::write(&self.config, config).unwrap();
        self.signal(Signal::HUP);
    }

    /// Ends it, and gives its exit code.
    pub(crate) fn stop(self) -> i32 {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Its exit code.
    pub(crate) fn wait(mut self) -> i32 {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            assert!(Instant::now() < until, "it does not end: {:#?}", self.lines_so_far());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a question as a netstring.
pub(crate) fn send(stream: &mut impl Write, map: &str, key: &str) {
    let question = format!("{map} {key}");
    write!(stream, "{}:{question},", question.len()).unwrap();
}

/// The next reply.
pub(crate) fn receive(stream: &mut impl Read) -> String {
    let mut octet = [0];
    let mut len = String::new();
    loop {
        stream.read_exact(&mut octet).unwrap();
        match octet[0] {
            b':' => break,
            digit => len.push(digit.into()),
        }
    }
    let mut reply = vec![0; len.parse::<usize>().unwrap() + 1];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(reply.pop(), Some(b','));
    String::from_utf8(reply).unwrap()
}

pub(crate) fn ask(stream: &mut (impl Read + Write), map: &str, key: &str) -> String {
    send(stream, map, key);
    receive(stream)
}

/// Runs it to its end, which must come by itself: the exit code and what it said.
pub(crate) fn refused(mut command: Command, directory: &Directory, config: &str) -> (i32, String) {
    let path: &Path = &directory.path("config.toml");
    fs::write(path, config).unwrap();
    command.args(["serve", "--config"]).arg(path).arg("--state-dir").arg(directory.path("state"));
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}
