//! The daemon, `mta-sts serve`, with a configuration and a SQLite file of its own.

use super::{load::Load, process::Running};
use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// A daemon that runs, and its folder, which goes with it.
#[derive(Debug)]
pub struct Daemon {
    running: Option<Running>,
    address: SocketAddr,
    program: PathBuf,
    folder: PathBuf,
    log: Log,
}

/// What the daemon logs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Log {
    /// Warnings.
    Warnings,
    /// A line for each decision, which goes nowhere.
    Decisions,
}

impl Daemon {
    /// Starts it with so many domains in its SQLite file, and asks for all of them once, so that
    /// they are in its memory.
    ///
    /// # Errors
    /// What went wrong, as text.
    pub fn start(program: &Path, domains: u32, log: Log) -> Result<Self, String> {
        let daemon = Self::prepare(program, domains, log)?.run()?;
        // The hops of the load reach every domain.
        Load { connections: 4, depth: 16, domains }.ask_all(daemon.address)?;
        Ok(daemon)
    }

    /// Makes its files.
    ///
    /// # Errors
    /// What went wrong, as text.
    pub fn prepare(program: &Path, domains: u32, log: Log) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("mta-sts-bench-{}-{number}", std::process::id()));
        // The port is free, and most likely stays so.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.map_err(|e| e.to_string())?;
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let daemon = Self { running: None, address, program: program.to_owned(), folder, log };
        let config = format!(
            "[server]\nlisten = [\"{address}\"]\nhttp = \"\"\nadmin = \"\"\n\
             [dns]\nservers = [\"127.0.0.1:9\"]\n\
             [store]\nkind = \"sqlite\"\npath = \"policies.db\"\nmemory_entries = {}\n\
             [refresh]\nenabled = false\nmx_check = \"off\"\n\
             [log]\nlevel = \"{}\"\n",
            domains + 100_000,
            if log == Log::Decisions { "info" } else { "warn" },
        );
        fs::write(daemon.folder.join("config.toml"), config).map_err(|e| e.to_string())?;
        let this = env::current_exe().map_err(|e| e.to_string())?;
        let mut fill = Command::new(this);
        fill.arg("fill").arg(daemon.folder.join("policies.db")).arg(domains.to_string()).stdout(Stdio::null());
        match fill.status() {
            Ok(status) if status.success() => Ok(daemon),
            _ => Err("the SQLite file could not be filled, see above".to_owned()),
        }
    }

    /// Starts it, as it is.
    ///
    /// # Errors
    /// What went wrong, as text.
    pub fn run(mut self) -> Result<Self, String> {
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--config").arg(self.folder.join("config.toml"));
        command.arg("--state-dir").arg(&self.folder);
        let log = self.folder.join("log");
        command.stderr(match self.log {
            Log::Warnings => fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?.into(),
            Log::Decisions => Stdio::null(),
        });
        let running = Running::start_at(command, self.address);
        self.running = Some(running.map_err(|why| format!("{why}{}", fs::read_to_string(log).unwrap_or_default()))?);
        Ok(self)
    }

    /// Its process.
    ///
    /// # Panics
    /// If it was not [run](Daemon::run).
    #[must_use]
    pub fn process(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.running = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}
