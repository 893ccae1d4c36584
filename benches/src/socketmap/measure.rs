//! What is measured, and in which order: in rounds, each with every server.

use super::{
    daemon::{Daemon, Log},
    load::{self, Load, connect},
    process::Running,
    report::{Report, Row},
};
use crate::{peer, rounds::median};
use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// Domains that are asked for where their number does not matter.
const FEW: u32 = 1000;
/// Connections that only wait.
const IDLE: usize = 5000;

/// What to compare.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Roughly, in short time.
    pub quick: bool,
    /// Where postfix-mta-sts-resolver is installed, if it takes part.
    pub peers: Option<PathBuf>,
    /// The program with the daemon, in place of the library alone.
    pub daemon: Option<PathBuf>,
    /// Servers that run already.
    pub others: Vec<(String, SocketAddr)>,
}

impl Setup {
    /// Rounds, and the time of a measurement.
    fn extent(&self) -> (usize, Duration) {
        if self.quick { (3, Duration::from_millis(400)) } else { (7, Duration::from_millis(1000)) }
    }

    fn many(&self) -> u32 {
        if self.quick { 100_000 } else { 1_000_000 }
    }

    /// Our server with so many domains cached.
    fn ours(&self, domains: u32) -> Result<Ours, String> {
        match &self.daemon {
            Some(program) => Daemon::start(program, domains, Log::Warnings).map(Ours::Daemon),
            None => this_program(&["serve", &domains.to_string()]).map(Ours::Library),
        }
    }

    fn servers(&self) -> Result<Vec<Server>, String> {
        let bare = this_program(&["bare"])?;
        let on_runtime = this_program(&["on-runtime"])?;
        let mut servers = vec![
            Server::new(Report::BARE, Process::Running(bare)),
            Server::new(Report::ON_RUNTIME, Process::Running(on_runtime)),
            Server::new(Report::OURS, Process::Ours(self.ours(FEW)?)),
        ];
        if let Some(program) = &self.daemon {
            let daemon = Daemon::start(program, FEW, Log::Decisions)?;
            servers.push(Server::new(Report::OURS_LOGGING, Process::Ours(Ours::Daemon(daemon))));
        }
        if let Some(folder) = &self.peers {
            for (name, event_loop) in [(Report::PMSR, "asyncio"), (Report::PMSR_UVLOOP, "uvloop")] {
                servers.push(Server::new(name, Process::Running(pmsr(folder, event_loop)?)));
            }
        }
        for (name, address) in &self.others {
            servers.push(Server::new(name, Process::Other(*address)));
        }
        Ok(servers)
    }
}

enum Ours {
    Library(Running),
    Daemon(Daemon),
}

impl Ours {
    fn process(&self) -> &Running {
        match self {
            Self::Library(running) => running,
            Self::Daemon(daemon) => daemon.process(),
        }
    }
}

enum Process {
    Running(Running),
    Ours(Ours),
    Other(SocketAddr),
}

struct Server {
    row: Row,
    process: Process,
}

impl Server {
    fn new(name: &str, process: Process) -> Self {
        Self { row: Row::new(name), process }
    }

    fn address(&self) -> SocketAddr {
        match &self.process {
            Process::Running(running) => running.address,
            Process::Ours(ours) => ours.process().address,
            Process::Other(address) => *address,
        }
    }
}

/// Measures everything.
///
/// # Errors
/// What kept it from measuring, as text.
pub fn measure(setup: &Setup) -> Result<Report, String> {
    let (rounds, time) = setup.extent();
    let mut servers = setup.servers()?;
    for server in &servers {
        // The echo servers know no domains.
        if !Report::is_echo(&server.row.name) {
            load::check(server.address(), FEW)?;
        }
    }
    let single = Load { connections: 32, depth: 1, domains: FEW };
    let pipelined = Load { depth: 16, ..single };
    for _ in 0..rounds {
        for server in &mut servers {
            let address = server.address();
            server.row.single.push(single.run(address, time)?);
            server.row.pipelined.push(pipelined.run(address, time)?);
        }
    }
    let rows = servers.into_iter().map(|server| server.row).collect();
    let (idle_memory, a_connection) = idle(setup)?;
    let (a_policy, slower) = many(setup, single)?;
    Ok(Report { rows, ready: ready(setup)?, idle_memory, a_connection, many: setup.many(), a_policy, slower })
}

/// Milliseconds from the start of the process to its first answer.
fn ready(setup: &Setup) -> Result<f64, String> {
    let times = (0..9).map(|_| {
        let ours = match &setup.daemon {
            Some(program) => {
                let daemon = Daemon::prepare(program, 1, Log::Warnings)?;
                let began = Instant::now();
                return daemon.run().and_then(|daemon| {
                    daemon.process().first_answer()?;
                    Ok(began.elapsed())
                });
            }
            None => (Instant::now(), this_program(&["serve", "1"])?),
        };
        ours.1.first_answer()?;
        Ok(ours.0.elapsed())
    });
    let times: Vec<_> = times.collect::<Result<_, String>>()?;
    Ok(median(&times.iter().map(|time| time.as_secs_f64() * 1000.0).collect::<Vec<_>>()))
}

/// Octets of anonymous memory of a server that did nothing yet, and of each idle connection.
fn idle(setup: &Setup) -> Result<(f64, f64), String> {
    let ours = setup.ours(1)?;
    let server = ours.process();
    server.first_answer()?;
    let memory = server.anonymous_memory()?;
    let connections: Result<Vec<_>, _> = (0..IDLE)
        .map(|_| {
            let stream = connect(server.address)?;
            load::ask(&stream, "192.0.2.1").map(|_| stream)
        })
        .collect();
    let connections = connections.map_err(|e| format!("{IDLE} connections: {e}"))?;
    let with_connections = server.anonymous_memory()?;
    Ok((memory, (with_connections - memory) / connections.len() as f64))
}

/// Octets of each policy when there are many, and how many times slower the lookups are than among
/// few.
fn many(setup: &Setup, load: Load) -> Result<(f64, f64), String> {
    let (rounds, time) = setup.extent();
    let (few, many) = (setup.ours(FEW)?, setup.ours(setup.many())?);
    let all = Load { domains: setup.many(), ..load };
    let mut slower = Vec::new();
    for _ in 0..rounds {
        let among_few = load.run(few.process().address, time)?;
        slower.push(among_few / all.run(many.process().address, time)?);
    }
    // After the lookups, which leave something behind as well.
    let growth = many.process().anonymous_memory()? - few.process().anonymous_memory()?;
    Ok((growth / f64::from(setup.many() - FEW), median(&slower)))
}

/// Starts this program in a role that prints its address.
fn this_program(role: &[&str]) -> Result<Running, String> {
    let mut command = Command::new(env::current_exe().map_err(|e| e.to_string())?);
    command.args(role);
    Running::start(command)
}

fn pmsr(folder: &Path, event_loop: &str) -> Result<Running, String> {
    peer::install(folder)?;
    let mut command = Command::new(folder.join("venv/bin/python"));
    command.arg(peer::scripts().join("pmsr_serve.py")).args([&FEW.to_string(), event_loop]);
    Running::start(command)
}
