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
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, time::Duration};

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

/// Something measured, each time right beside the Gmail-like policy: what else the machine does
/// changes within tenths of a second.
struct Compared<T> {
    what: T,
    /// Nanoseconds, one value a round.
    costs: Vec<f64>,
    /// Those of the Gmail-like policy in the same round.
    gmail: Vec<f64>,
}

impl<T> Compared<T> {
    fn new(what: T) -> Self {
        Self { what, costs: Vec::new(), gmail: Vec::new() }
    }

    /// How many times as much as the Gmail-like policy it costs.
    fn ratio(&self) -> f64 {
        median_ratio(&self.costs, &self.gmail)
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
    let mut peers: Vec<_> = peers.into_iter().map(Compared::new).collect();
    let (gmail, others): (Vec<_>, Vec<_>) =
        operation::all().into_iter().partition(|operation| operation.name == operation::gmail(operation.group()));
    let mut gmail: BTreeMap<_, _> = gmail.into_iter().map(|o| (o.group().to_owned(), o)).collect();
    let mut hostile: Vec<_> =
        others.into_iter().filter(|operation| operation.hostile_bytes().is_some()).map(Compared::new).collect();
    let (rounds, time) = if options.quick { (15, 4) } else { (151, 8) };
    let time = Duration::from_millis(time);
    let mut gmail = |group: &str| nanoseconds(gmail.get_mut(group).expect("each group has one"), time);
    for _ in 0..rounds {
        for peer in &mut peers {
            peer.costs.push(peer.what.nanoseconds(time)?);
            peer.gmail.push(gmail("parse"));
        }
    }
    // Enough for a median: one round alone is as good as the machine is quiet.
    for _ in 0..(rounds / 10).max(7) {
        for compared in &mut hostile {
            compared.costs.push(nanoseconds(&mut compared.what, time));
            compared.gmail.push(gmail(compared.what.group()));
        }
    }
    let report = Report { peers, hostile };
    if options.json {
        report.print_json()
    } else {
        report.print_tables()
    }
    Ok(report.passes())
}

struct Report {
    peers: Vec<Compared<Peer>>,
    hostile: Vec<Compared<Operation>>,
}

impl Report {
    /// The nanoseconds of our parse beside all the peers.
    fn parse(&self) -> f64 {
        median(&self.peers.iter().flat_map(|peer| &peer.gmail).copied().collect::<Vec<_>>())
    }

    /// Each hostile policy: its name, the nanoseconds of an octet, and how many times dearer an
    /// octet is than one of the Gmail-like policy.
    fn dearer(&self) -> impl Iterator<Item = (String, f64, f64)> {
        self.hostile.iter().map(|compared| {
            let units = compared.what.units();
            let name = compared.what.name.replace("hostile64k_", "");
            (name, median(&compared.costs) / units, compared.ratio() * GMAIL_LIKE.len() as f64 / units)
        })
    }

    fn passes(&self) -> bool {
        self.peers.iter().all(|peer| peer.ratio() >= LEAST_FASTER)
            && self.dearer().all(|(_, _, ratio)| ratio <= MOST_PER_BYTE)
    }

    fn print_tables(&self) {
        println!("Parse of the Gmail-like policy ({} octets), medians:\n", GMAIL_LIKE.len());
        println!("| parser | times ours | at least {LEAST_FASTER} | ns a parse |\n|---|---:|---|---:|");
        println!("| mta-sts-core | 1.0 | | {:.0} |", self.parse());
        for peer in &self.peers {
            let ratio = peer.ratio();
            let verdict = match ratio {
                ratio if ratio >= AIM => format!("PASS, and the aim of {AIM} is met"),
                ratio if ratio >= LEAST_FASTER => format!("PASS, but the aim of {AIM} is missed"),
                _ => "FAIL".to_owned(),
            };
            let Peer { name, runtime, .. } = &peer.what;
            println!("| {name} ({runtime}) | {ratio:.1} | {verdict} | {:.0} |", median(&peer.costs));
        }
        println!("\nAn octet of a hostile policy beside one of the Gmail-like policy, read by the same function:\n");
        println!("| operation | ratio | at most {MOST_PER_BYTE} | ns an octet |\n|---|---:|---|---:|");
        for (name, cost, ratio) in self.dearer() {
            println!("| {name} | {ratio:.2} | {} | {cost:.2} |", pass(ratio <= MOST_PER_BYTE));
        }
        println!("\n{}", pass(self.passes()));
    }

    fn print_json(&self) {
        let peers = self.peers.iter().map(|peer| {
            let (name, runtime, ratio) = (&peer.what.name, &peer.what.runtime, peer.ratio());
            json!({
                "name": name, "runtime": runtime, "ns": median(&peer.costs),
                "ratio": ratio, "pass": ratio >= LEAST_FASTER, "aim": ratio >= AIM,
            })
        });
        let hostile = self.dearer().map(|(name, cost, ratio)| {
            json!({ "name": name, "ns_per_byte": cost, "ratio": ratio, "pass": ratio <= MOST_PER_BYTE })
        });
        let report = json!({
            "limits": { "least_faster": LEAST_FASTER, "aim": AIM, "most_per_byte": MOST_PER_BYTE },
            "ns": self.parse(),
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
