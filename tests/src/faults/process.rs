//! Processes of ours: they are signalled by their id alone, and end with their owner.

use super::Result;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{File, read_to_string},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

const TO_START: Duration = Duration::from_secs(15);
const TO_END: Duration = Duration::from_secs(40);
const LOG_SHOWN: usize = 1500;

pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it, its output going to the end of a file, and waits until it listens.
    pub(super) async fn start(mut command: Command, addr: SocketAddr, log: PathBuf) -> Result<Self> {
        let output = File::options().create(true).append(true).open(&log)?;
        let began_at = usize::try_from(output.metadata()?.len())?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let name = command.get_program().to_string_lossy().into_owned();
        let mut process = Self { child: command.spawn().map_err(|error| format!("{name}: {error}"))?, log };
        let end = Instant::now() + TO_START;
        while TcpStream::connect(addr).await.is_err() {
            if let Some(status) = process.child.try_wait()? {
                return Err(format!("{name} does not start ({status}): {}", process.log_after(began_at)).into());
            }
            if Instant::now() >= end {
                return Err(format!("{name} does not listen at {addr}: {}", process.log_after(began_at)).into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(process)
    }

    /// SIGKILL.
    pub(super) fn kill(mut self) {
        self.end();
    }

    /// SIGTERM, and waits for the end.
    pub(super) async fn terminate(mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        let end = Instant::now() + TO_END;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= end {
                return Err("it does not end after SIGTERM".into());
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) fn stop(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    pub(super) fn go_on(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Its anonymous memory, in KiB.
    pub(super) fn rss_anon(&self) -> Result<u64> {
        let status = read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("no RssAnon in /proc")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?).ok_or("no process")?;
        Ok(kill_process(pid, signal)?)
    }

    fn end(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn log_after(&self, start: usize) -> String {
        let log = read_to_string(&self.log).unwrap_or_default();
        let log = log.get(start..).unwrap_or_default().trim();
        log.chars().skip(log.chars().count().saturating_sub(LOG_SHOWN)).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// An address on loopback that is free at the moment, for what must be found there again after its
/// restart.
pub(super) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
