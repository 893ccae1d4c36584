//! Loads the socketmap server and, beside it, two echo servers that show what the system and the
//! runtime leave to be had, and other projects' servers. Ends with 1 if a limit is broken, and with
//! 2 if it could not measure.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use mta_sts_benches::{
    peer,
    socketmap::{
        echo, load,
        measure::{Setup, measure},
        ours,
    },
};
use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
};
use tokio::runtime::{Builder, Runtime};

#[derive(Parser)]
#[command(about = "Loads the socketmap server and others beside it")]
struct Options {
    #[command(subcommand)]
    role: Option<Role>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Measure roughly, with a tenth of the domains.
    #[arg(long)]
    quick: bool,
    /// Leave postfix-mta-sts-resolver out.
    #[arg(long)]
    no_peers: bool,
    /// Where postfix-mta-sts-resolver is installed [default: "peers" in Cargo's target folder].
    #[arg(long)]
    peers: Option<PathBuf>,
    /// The `mta-sts` whose `serve` is measured [default: the library alone, with its policies in memory].
    #[arg(long)]
    daemon: Option<PathBuf>,
    /// A server that runs already, such as postfix-tlspol, and has the policies of the test's
    /// domains for the map `postfix`.
    #[arg(long, value_name = "NAME=ADDRESS:PORT", value_parser = other)]
    other: Vec<(String, SocketAddr)>,
}

/// What this program is when it starts itself.
#[derive(Clone, Subcommand)]
#[command(hide = true)]
enum Role {
    /// The server, with so many domains in memory.
    Serve { domains: u32 },
    /// Fills the SQLite file of a daemon.
    Fill { path: PathBuf, domains: u32 },
    /// The echo server with nothing but epoll.
    Bare,
    /// The echo server on the runtime.
    OnRuntime,
}

fn other(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, address) = text.split_once('=').ok_or("give NAME=ADDRESS:PORT")?;
    Ok((name.to_owned(), address.parse().map_err(|_| "give an address and a port after the '='")?))
}

fn main() -> ExitCode {
    let options = Options::parse();
    let ended = match &options.role {
        Some(role) => play(role).map(|()| true),
        None => compare(&options),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("socketmap: {why}");
            ExitCode::from(2)
        }
    }
}

fn compare(options: &Options) -> Result<bool, String> {
    let setup = Setup {
        quick: options.quick,
        peers: (!options.no_peers).then(|| options.peers.clone().unwrap_or_else(peer::default_folder)),
        daemon: options.daemon.clone(),
        others: options.other.clone(),
    };
    for (name, address) in &setup.others {
        load::check(*address, 1000).map_err(|why| format!("{name}: {why}"))?;
    }
    let report = measure(&setup)?;
    if options.json {
        println!("{:#}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(report.passes())
}

fn play(role: &Role) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let say_ready = || println!("{address}");
    match role {
        Role::Serve { domains } => runtime()?.block_on(ours::serve(listener, *domains, say_ready)),
        Role::Fill { path, domains } => runtime()?.block_on(ours::fill(path, *domains)).map_err(|e| e.to_string()),
        Role::Bare => {
            say_ready();
            echo::bare(&listener).map_err(|e| e.to_string())
        }
        Role::OnRuntime => {
            say_ready();
            runtime()?.block_on(echo::on_runtimes(listener)).map_err(|e| e.to_string())
        }
    }
}

/// As the daemon has it.
fn runtime() -> Result<Runtime, String> {
    let threads = mta_sts_postfix::daemon::lookup_threads();
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().map_err(|e| e.to_string())
}
