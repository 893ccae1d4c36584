//! Breaks what the daemon `mta-sts serve` stands on, and judges each of its replies meanwhile.

use clap::Parser;
use mta_sts_tests::faults::{NAMES, Options, run};
use std::{path::PathBuf, process::ExitCode};

/// Break what `mta-sts serve` stands on, and judge each of its replies meanwhile.
///
/// The daemon is a process of its own; name server, policy hosts and clients are real, too, and all
/// of it is on loopback. Prints the figures of each scenario. Exits with 1 if a reply was wrong, a
/// policy was lost or a limit was passed, with 64 if the scenarios could not be run.
#[derive(Parser)]
struct Args {
    /// The command under test.
    #[arg(long, value_name = "BIN", default_value = "target/release/mta-sts")]
    mta_sts: PathBuf,
    /// Run only this scenario; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = NAMES)]
    only: Vec<String>,
    /// Fewer rounds and shorter faults.
    #[arg(long)]
    quick: bool,
    /// How often the daemon is killed, or restarted. Default 100 kills and 20 restarts, with
    /// --quick 25 and 5.
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
}

fn main() -> ExitCode {
    let Args { mta_sts, only, quick, rounds } = Args::parse();
    match run(&Options { mta_sts, only, quick, rounds }) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::from(64)
        }
    }
}
