//! The parsers of other projects, each in a process of its own that waits between the rounds.

use serde_json::{Value, json};
use std::{
    env, io,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

/// A running peer.
///
/// It speaks JSON lines: it is told the policy and answers with what it read from it; then each
/// line tells for how long to parse, and is answered with the nanoseconds of one parse.
#[derive(Debug)]
pub struct Peer {
    /// The package, with its version.
    pub name: String,
    /// The language, with its version.
    pub runtime: String,
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Installs the peers into `folder` and starts them.
///
/// # Errors
/// Whatever keeps one from running, as text.
pub fn start_all(folder: &Path, policy: &str) -> Result<Vec<Peer>, String> {
    install(folder)?;
    let scripts = scripts();
    let folder = std::path::absolute(folder).map_err(|e| e.to_string())?;
    let mut node = Command::new("node");
    node.arg(scripts.join("mailauth.mjs")).arg(&folder);
    let mut python = Command::new(folder.join("venv/bin/python"));
    python.arg(scripts.join("pmsr.py"));
    [("mailauth", node), ("postfix-mta-sts-resolver", python)]
        .map(|(name, command)| Peer::start(name, command, policy))
        .into_iter()
        .collect()
}

/// Installs the peers into `folder`, at once if they are there already.
///
/// # Errors
/// If that fails.
pub fn install(folder: &Path) -> Result<(), String> {
    let installed = Command::new("sh").arg(scripts().join("install.sh")).arg(folder).stdout(Stdio::null()).status();
    let is_well = installed.is_ok_and(|status| status.success());
    if is_well { Ok(()) } else { Err("peers/install.sh failed, see above".to_owned()) }
}

/// Where the scripts are that run the peers.
#[must_use]
pub fn scripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// Where the peers are installed unless told otherwise: `peers` in Cargo's target folder.
#[must_use]
pub fn default_folder() -> PathBuf {
    let target = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.to_owned()));
    target.unwrap_or_else(|| PathBuf::from("target")).join("peers")
}

impl Peer {
    fn start(name: &str, mut command: Command, policy: &str) -> Result<Self, String> {
        let failed = |e: io::Error| format!("{name} does not start: {e}");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let (Some(orders), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(format!("{name} has no pipes"));
        };
        let answers = BufReader::new(answers);
        let mut peer = Self { name: name.to_owned(), runtime: String::new(), process, orders, answers };
        let read = peer.ask(&json!({ "policy": policy }))?;
        // A peer that did not read the policy would win by doing nothing.
        if (&read["mode"], &read["mx"]) != (&json!("enforce"), &json!(4)) {
            return Err(format!("{name} did not read the policy: {read}"));
        }
        peer.name = format!("{name} {}", read["version"].as_str().unwrap_or("?"));
        peer.runtime = read["runtime"].as_str().unwrap_or("?").to_owned();
        Ok(peer)
    }

    /// Lets it parse for about `time` and gives the nanoseconds of one parse.
    ///
    /// # Errors
    /// If it has died, as text.
    pub fn nanoseconds(&mut self, time: Duration) -> Result<f64, String> {
        let answer = self.ask(&json!({ "ms": time.as_millis() as u64 }))?;
        answer["ns"].as_f64().filter(|ns| *ns > 0.0).ok_or_else(|| format!("{} answered {answer}", self.name))
    }

    fn ask(&mut self, order: &Value) -> Result<Value, String> {
        let mut line = String::new();
        let talk = writeln!(self.orders, "{order}").and_then(|()| self.answers.read_line(&mut line));
        talk.map_err(|e| format!("{} is gone: {e}", self.name))?;
        serde_json::from_str(&line).map_err(|_| format!("{} gave no answer, see above", self.name))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
