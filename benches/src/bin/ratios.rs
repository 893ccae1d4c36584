//! Compares, in one run, the parse of the Gmail-like policy with that of other projects' parsers,
//! and the cost per octet of hostile policies with that of the Gmail-like one. Ends with 1 if a
//! limit is broken, and with 2 if it could not measure.
#![forbid(unsafe_code)]

use clap::Parser;
use mta_sts_benches::{
    inputs::GMAIL_LIKE,
    operation::{self, Operation},
    peer::{self, Peer},
    rounds::{median, median_ratio, nanoseconds},
};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode, time::Duration};

/// The parse is at least so many times faster than each peer's.
const LEAST_FASTER: f64 = 5.0;
/// That it should be.
const AIM: f64 = 10.0;
/// An octet of a hostile policy costs at most so many times one of the Gmail-like policy.
const MOST_PER_BYTE: f64 = 3.0;

#[derive(Parser)]
#[command(about = "Compares the policy parser with others, and hostile policies with an ordinary one")]
struct Options {
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Measure roughly, in a few seconds.
    #[arg(long)]
    quick: bool,
    /// Leave the other projects' parsers out.
    #[arg(long)]
    no_peers: bool,
    /// Where the other parsers are installed [default: "peers" in Cargo's target folder].
    #[arg(long)]
    peers: Option<PathBuf>,
}

/// One measured thing and its cost in each round, in nanoseconds.
struct Series<T> {
    of: T,
    rounds: Vec<f64>,
}

impl<T> Series<T> {
    fn new(of: T) -> Self {
        Self { of, rounds: Vec::new() }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("ratios: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<bool, String> {
    let folder = options.peers.clone().unwrap_or_else(peer::default_folder);
    let peers = if options.no_peers { Vec::new() } else { peer::start_all(&folder, GMAIL_LIKE)? };
    let mut peers: Vec<_> = peers.into_iter().map(Series::new).collect();
    let mut ours: Vec<_> = operation::all()
        .into_iter()
        .filter(|operation| operation.name.ends_with("/gmail") || operation.hostile_bytes().is_some())
        .map(Series::new)
        .collect();
    let (rounds, long, short) = if options.quick { (5, 10, 2) } else { (21, 40, 8) };
    for _ in 0..rounds {
        for peer in &mut peers {
            peer.rounds.push(peer.of.nanoseconds(Duration::from_millis(long))?);
        }
        for series in &mut ours {
            let time = if series.of.hostile_bytes().is_some() { short } else { long };
            series.rounds.push(nanoseconds(&mut series.of, Duration::from_millis(time)));
        }
    }
    let report = Report { peers: &peers, ours: &ours };
    let passed = report.passes();
    if options.json {
        report.print_json()
    } else {
        report.print_tables()
    }
    Ok(passed)
}

struct Report<'a> {
    peers: &'a [Series<Peer>],
    ours: &'a [Series<Operation>],
}

impl Report<'_> {
    fn gmail(&self, group: &str) -> &Series<Operation> {
        let name = operation::gmail(group);
        self.ours.iter().find(|series| series.of.name == name).expect("each group has the Gmail-like policy")
    }

    /// Each peer, and how many times faster ours is.
    fn faster(&self) -> impl Iterator<Item = (&Series<Peer>, f64)> {
        let ours = self.gmail("parse");
        self.peers.iter().map(|peer| (peer, median_ratio(&peer.rounds, &ours.rounds)))
    }

    /// Each hostile policy, and how many times dearer an octet of it is.
    fn dearer(&self) -> impl Iterator<Item = (&Series<Operation>, f64)> {
        self.ours.iter().filter_map(|series| {
            let gmail = self.gmail(series.of.group());
            let bytes = series.of.hostile_bytes()? as f64;
            let ratio = median_ratio(&series.rounds, &gmail.rounds) * GMAIL_LIKE.len() as f64 / bytes;
            Some((series, ratio))
        })
    }

    fn passes(&self) -> bool {
        self.faster().all(|(_, ratio)| ratio >= LEAST_FASTER) && self.dearer().all(|(_, ratio)| ratio <= MOST_PER_BYTE)
    }

    fn print_tables(&self) {
        println!("Parse of the Gmail-like policy ({} octets), medians:\n", GMAIL_LIKE.len());
        println!("| parser | ns a parse | times ours | at least {LEAST_FASTER} |\n|---|---:|---:|---|");
        println!("| mta-sts-core | {:.0} | 1.0 | |", median(&self.gmail("parse").rounds));
        for (peer, ratio) in self.faster() {
            let verdict = match ratio {
                ratio if ratio >= AIM => format!("PASS, and the aim of {AIM} is met"),
                ratio if ratio >= LEAST_FASTER => format!("PASS, but the aim of {AIM} is missed"),
                _ => "FAIL".to_owned(),
            };
            let Peer { name, runtime, .. } = &peer.of;
            println!("| {name} ({runtime}) | {:.0} | {ratio:.1} | {verdict} |", median(&peer.rounds));
        }
        println!("\nAn octet of a hostile policy beside one of the Gmail-like policy, read by the same function:\n");
        println!("| operation | ns an octet | ratio | at most {MOST_PER_BYTE} |\n|---|---:|---:|---|");
        for (series, ratio) in self.dearer() {
            let name = series.of.name.replace("hostile64k_", "");
            let cost = median(&series.rounds) / series.of.units();
            println!("| {name} | {cost:.2} | {ratio:.2} | {} |", pass(ratio <= MOST_PER_BYTE));
        }
        println!("\n{}", pass(self.passes()));
    }

    fn print_json(&self) {
        let peers = self.faster().map(|(peer, ratio)| {
            json!({
                "name": peer.of.name, "runtime": peer.of.runtime, "ns": median(&peer.rounds),
                "ratio": ratio, "pass": ratio >= LEAST_FASTER, "aim": ratio >= AIM,
            })
        });
        let hostile = self.dearer().map(|(series, ratio)| {
            json!({
                "name": series.of.name, "ns_per_byte": median(&series.rounds) / series.of.units(),
                "ratio": ratio, "pass": ratio <= MOST_PER_BYTE,
            })
        });
        let report = json!({
            "gmail_ns": median(&self.gmail("parse").rounds),
            "limits": { "least_faster": LEAST_FASTER, "aim": AIM, "most_per_byte": MOST_PER_BYTE },
            "peers": peers.collect::<Vec<_>>(),
            "hostile": hostile.collect::<Vec<_>>(),
            "pass": self.passes(),
        });
        println!("{report:#}");
    }
}

fn pass(passed: bool) -> &'static str {
    if passed { "PASS" } else { "FAIL" }
}
