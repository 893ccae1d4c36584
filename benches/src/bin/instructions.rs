//! Counts the instructions of each operation under Callgrind and holds them against
//! `budgets.json`. Ends with 1 if a budget or a limit is broken, and with 2 if it could not count.
//!
//! It runs itself twice for each operation, without and with so many runs of it; the difference
//! is free of everything else. The counts depend on the compiler, the CPU's `memcpy` and the
//! allocator, hence the margin, but not on how busy the machine is.
#![forbid(unsafe_code)]

use clap::Parser;
use mta_sts_benches::{
    inputs::{GMAIL_HOST, GMAIL_LIKE},
    operation, through_c,
};
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// A count may be so many percent over its budget.
const MARGIN: f64 = 25.0;
/// An octet of a hostile policy costs at most so many times one of the Gmail-like policy.
const MOST_PER_BYTE: f64 = 3.0;
/// A policy read and a host matched through C cost at most so many times the same in Rust.
const MOST_THROUGH_C: f64 = 1.3;

/// The budget, or the count, of each operation; of hostile policies that of an octet.
type Counts = BTreeMap<String, f64>;

#[derive(Parser)]
#[command(about = "Counts instructions under Callgrind and compares them with budgets.json")]
struct Options {
    /// Only operations whose name contains this.
    filter: Option<String>,
    /// Write what was counted as the new budgets.
    #[arg(long, conflicts_with = "filter")]
    write: bool,
    /// Run one operation so many times and end: what is run under Callgrind.
    #[arg(long, hide = true, num_args = 2, value_names = ["NAME", "TIMES"])]
    run: Option<Vec<String>>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some([name, times]) = options.run.as_deref() {
        return run_one(name, times.parse().unwrap_or(0));
    }
    match compare(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("instructions: {why}");
            ExitCode::from(2)
        }
    }
}

fn run_one(name: &str, times: u64) -> ExitCode {
    let found = operation::all().into_iter().find(|operation| operation.name == name);
    found.map_or(ExitCode::from(2), |mut operation| {
        operation.run(times);
        ExitCode::SUCCESS
    })
}

fn compare(options: &Options) -> Result<bool, String> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("budgets.json");
    let read = fs::read_to_string(&file).unwrap_or_else(|_| "{}".to_owned());
    let budgets: Counts = serde_json::from_str(&read).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut counts = Counts::new();
    let mut passed = true;
    println!("| operation | instructions | budget | change |  |\n|---|---:|---:|---:|---|");
    let wanted = |name: &str| options.filter.as_ref().is_none_or(|filter| name.contains(filter));
    for operation in operation::all().iter().filter(|operation| wanted(&operation.name)) {
        let name = &operation.name;
        let count = count(name, if operation.hostile_bytes().is_some() { 2 } else { 20 })? / operation.units();
        counts.insert(name.clone(), count);
        let shown = name.replace("hostile64k_", "");
        let per = if operation.hostile_bytes().is_some() { " an octet" } else { "" };
        let Some(budget) = budgets.get(name) else {
            println!("| {shown} | {count:.2}{per} | none | | NEW |");
            passed &= options.write;
            continue;
        };
        let change = (count / budget - 1.0) * 100.0;
        let verdict = match change {
            change if change > MARGIN => "FAIL",
            change if change < -MARGIN => "PASS, lower the budget with --write",
            _ => "PASS",
        };
        passed &= change <= MARGIN || options.write;
        println!("| {shown} | {count:.2}{per} | {budget:.2} | {change:+.1} % | {verdict} |");
    }
    passed &= hostile_is_linear(&counts);
    if let Some(&in_rust) = counts.get(operation::PARSE_AND_MATCH) {
        passed &= c_costs_little_more(in_rust)?;
    }
    if options.write {
        let rounded: Counts =
            counts.iter().map(|(name, count)| (name.clone(), (count * 100.0).round() / 100.0)).collect();
        let text = serde_json::to_string_pretty(&rounded).map_err(|e| e.to_string())?;
        fs::write(&file, text + "\n").map_err(|e| format!("{}: {e}", file.display()))?;
    }
    println!("\n{}", if passed { "PASS" } else { "FAIL" });
    Ok(passed)
}

/// No hostile policy costs more than the limit; says which do.
fn hostile_is_linear(counts: &Counts) -> bool {
    let mut passed = true;
    println!("\n| operation | times an octet of the Gmail-like policy | at most {MOST_PER_BYTE} |\n|---|---:|---|");
    for (name, count) in counts {
        let Some((group, kind)) = name.split_once("/hostile64k_") else { continue };
        let Some(gmail) = counts.get(&operation::gmail(group)) else { continue };
        let ratio = count / (gmail / GMAIL_LIKE.len() as f64);
        passed &= ratio <= MOST_PER_BYTE;
        println!("| {group}/{kind} | {ratio:.2} | {} |", if ratio <= MOST_PER_BYTE { "PASS" } else { "FAIL" });
    }
    passed
}

/// The C library costs no more than the limit above the Rust crate.
fn c_costs_little_more(in_rust: f64) -> Result<bool, String> {
    let program = through_c::build()?;
    let through_c = count_runs(&program, &[GMAIL_LIKE, GMAIL_HOST], 20)?;
    let ratio = through_c / in_rust;
    let verdict = if ratio <= MOST_THROUGH_C { "PASS" } else { "FAIL" };
    println!(
        "\n| {} | instructions | times Rust | at most {MOST_THROUGH_C} |\n|---|---:|---:|---|",
        operation::PARSE_AND_MATCH
    );
    println!("| Rust | {in_rust:.0} | 1.00 | |\n| C | {through_c:.0} | {ratio:.2} | {verdict} |");
    Ok(ratio <= MOST_THROUGH_C)
}

/// The instructions of one run of the operation.
fn count(name: &str, times: u64) -> Result<f64, String> {
    count_runs(&env::current_exe().map_err(|e| e.to_string())?, &["--run", name], times)
}

/// The instructions of one run of what a program does as often as its last argument says.
fn count_runs(program: &Path, args: &[&str], times: u64) -> Result<f64, String> {
    // The first run may grow the allocator's arenas, so it belongs to both.
    let (without, with) = (callgrind(program, args, 1)?, callgrind(program, args, 1 + times)?);
    Ok((with - without) / times as f64)
}

/// The instructions of a whole process.
fn callgrind(program: &Path, args: &[&str], times: u64) -> Result<f64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(args)
        .arg(times.to_string())
        .output()
        .map_err(|e| format!("valgrind does not start ({e}); install the package \"valgrind\" and try again"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("valgrind failed on {} {args:?}:\n{said}", program.display()))
}
