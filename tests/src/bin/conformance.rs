//! Runs conformance vectors through one face of the engine.

use clap::{Parser, ValueEnum};
use mta_sts_tests::{
    faces::{CFace, CliFace, Face, RustFace, WasmFace},
    run::{Totals, agree, run},
};
use std::{error::Error, io::stdout, path::PathBuf, process::ExitCode};

/// Run conformance vectors through one face of the engine.
///
/// Prints a line for each deviation (id, strictness, expected, got), a summary for each file, and
/// the totals. Exits with 1 if a case failed, with 64 if the vectors could not be run.
#[derive(Parser)]
struct Args {
    /// The folder with the vectors' JSON files.
    #[arg(long)]
    vectors: PathBuf,
    /// The face.
    #[arg(long, value_enum)]
    face: FaceName,
    /// Compare every outcome with that of the Rust crates, whether the vector asks for it or not.
    #[arg(long)]
    agree: bool,
    /// Print a line for every case.
    #[arg(long)]
    verbose: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum FaceName {
    /// The Rust crates, and for scenarios the driver against the lab.
    Rust,
    /// The command `mta-sts`: the parsers and the matcher.
    Cli,
    /// The C library `libmtasts`: everything that needs no IO, but no reports.
    C,
    /// The npm package `mta-sts` under Node: everything that needs no IO. It must have been built.
    Wasm,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match conform(&args) {
        Ok(Totals { failed: 0, .. }) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::from(64)
        }
    }
}

fn conform(args: &Args) -> Result<Totals, Box<dyn Error>> {
    let mut face: Box<dyn Face> = match args.face {
        FaceName::Rust => Box::new(RustFace::default()),
        FaceName::Cli => Box::new(CliFace::build()?),
        FaceName::C => Box::new(CFace::build()?),
        FaceName::Wasm => Box::new(WasmFace::start()?),
    };
    let mut totals = run(&args.vectors, &mut *face, args.verbose, &mut stdout().lock())?;
    if args.agree {
        totals.failed += agree(&args.vectors, &mut *face, &mut stdout().lock())?;
    }
    Ok(totals)
}
