//! The servers' processes.

use super::load::{ask, connect};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a server may take to be ready; one that fills a large cache takes long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that runs. It is killed at the end.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    process: Child,
}

impl Running {
    /// Starts a server that prints its address when it is ready.
    ///
    /// # Errors
    /// If it does not, as text.
    pub fn start(mut command: Command) -> Result<Self, String> {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut process = spawned.map_err(|e| format!("{command:?} does not start: {e}"))?;
        let mut line = String::new();
        let said = process.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        let address = match (said, line.trim().parse()) {
            (Some(Ok(_)), Ok(address)) => address,
            _ => {
                let _ = process.kill();
                let _ = process.wait();
                return Err(format!("{command:?} gives no address, see above"));
            }
        };
        Ok(Self { address, process })
    }

    /// Starts a server whose address is known, and waits until it takes connections.
    ///
    /// # Errors
    /// If it does not, as text.
    pub fn start_at(mut command: Command, address: SocketAddr) -> Result<Self, String> {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let process = spawned.map_err(|e| format!("{command:?} does not start: {e}"))?;
        let mut running = Self { address, process };
        let began = Instant::now();
        while connect(address).is_err() {
            if began.elapsed() > PATIENCE || running.process.try_wait().is_ok_and(|ended| ended.is_some()) {
                return Err(format!("{command:?} does not listen on {address}: "));
            }
            sleep(Duration::from_millis(1));
        }
        Ok(running)
    }

    /// The first answer, to a question that needs no cache.
    ///
    /// # Errors
    /// If there is none, as text.
    pub fn first_answer(&self) -> Result<(), String> {
        let answered = connect(self.address).and_then(|stream| ask(&stream, "192.0.2.1"));
        answered.map(drop).map_err(|e| format!("{}: {e}", self.address))
    }

    /// Its anonymous memory, in octets.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn anonymous_memory(&self) -> Result<f64, String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).map_err(|e| e.to_string())?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kib.map(|kib| kib * 1024.0).ok_or_else(|| "/proc tells no RssAnon".to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
