//! What was measured, and the limits.

use crate::rounds::{median, median_ratio};
use core::fmt::Write;
use serde_json::{Value, json};

/// Of the bare echo's replies, with one request under way on each connection: the limit, and the aim,
/// which a machine reaches that has nothing else to do.
const LEAST_OF_BARE: f64 = 0.6;
const AIM_OF_BARE: f64 = 0.75;
/// Times those of postfix-mta-sts-resolver.
const LEAST_OF_PMSR: f64 = 3.0;
/// Of the replies of the echo on the runtime, with 16 requests under way on each connection: likewise.
const LEAST_OF_RUNTIME: f64 = 0.3;
const AIM_OF_RUNTIME: f64 = 0.4;
/// Octets of anonymous memory.
const MOST_IDLE: f64 = 10e6;
/// Octets of anonymous memory for a policy of 130 octets, where they are so many that what the server
/// takes besides does not count.
const MOST_A_POLICY: f64 = 600.0;
/// Times the time of a lookup among few domains, for one among many: the limit, and the aim.
const MOST_SLOWER: f64 = 2.0;
const AIM_SLOWER: f64 = 1.5;
const MANY: u32 = 1_000_000;

/// A server and its replies per second, one value a round.
#[derive(Clone, Debug)]
pub struct Row {
    /// The server.
    pub name: String,
    /// One request under way on each connection.
    pub single: Vec<f64>,
    /// 16 requests under way on each connection.
    pub pipelined: Vec<f64>,
}

impl Row {
    /// Nothing yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), single: Vec::new(), pipelined: Vec::new() }
    }
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Report {
    /// The servers.
    pub rows: Vec<Row>,
    /// Milliseconds from the start to the first answer.
    pub ready: f64,
    /// Octets of anonymous memory of a server that did nothing yet.
    pub idle_memory: f64,
    /// Octets of anonymous memory for each idle connection.
    pub a_connection: f64,
    /// So many domains are many.
    pub many: u32,
    /// Octets of anonymous memory for each of many policies.
    pub a_policy: f64,
    /// How many times longer a lookup takes among many domains than among a thousand.
    pub slower: f64,
}

/// A figure with a limit, or without.
struct Figure {
    what: String,
    value: f64,
    limit: Option<Limit>,
}

enum Limit {
    Least(f64),
    Most(f64),
}

impl Figure {
    fn passes(&self) -> bool {
        match self.limit {
            Some(Limit::Least(least)) => self.value >= least,
            Some(Limit::Most(most)) => self.value <= most,
            None => true,
        }
    }
}

impl Report {
    /// The echo server with nothing but epoll.
    pub const BARE: &'static str = "epoll echo";
    /// The echo server on the runtime.
    pub const ON_RUNTIME: &'static str = "tokio echo";
    /// Our server.
    pub const OURS: &'static str = "mta-sts";
    /// Our server when it logs a line for each decision.
    pub const OURS_LOGGING: &'static str = "mta-sts with log level info";
    /// The peer, as it comes.
    pub const PMSR: &'static str = "postfix-mta-sts-resolver";
    /// The peer with the faster event loop that it can use.
    pub const PMSR_UVLOOP: &'static str = "postfix-mta-sts-resolver with uvloop";

    /// Whether the server of this name knows no domains.
    #[must_use]
    pub fn is_echo(name: &str) -> bool {
        [Self::BARE, Self::ON_RUNTIME].contains(&name)
    }

    /// Whether all limits are kept.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.figures().iter().all(Figure::passes)
    }

    /// Our replies beside those of another server, within the rounds.
    fn beside(&self, other: &str, values: fn(&Row) -> &[f64]) -> Option<f64> {
        let row = |name: &str| self.rows.iter().find(|row| row.name == name);
        Some(median_ratio(values(row(Self::OURS)?), values(row(other)?)))
    }

    fn figures(&self) -> Vec<Figure> {
        let figure = |what: &str, value, limit| Figure { what: what.to_owned(), value, limit };
        let mut figures = Vec::new();
        let mut ratio = |other: &str, is_single: bool, limit: Option<(f64, f64)>| {
            let ratio = if is_single {
                self.beside(other, |row| &row.single)
            } else {
                self.beside(other, |row| &row.pipelined)
            };
            let how = if is_single { "32 connections" } else { "32 connections, 16 deep" };
            let aim =
                limit.filter(|(least, aim)| aim > least).map_or(String::new(), |(_, aim)| format!(" (aim {aim})"));
            let limit = limit.map(|(least, _)| Limit::Least(least));
            figures.extend(ratio.map(|ratio| figure(&format!("{how}: times {other}{aim}"), ratio, limit)));
        };
        ratio(Self::BARE, true, Some((LEAST_OF_BARE, AIM_OF_BARE)));
        ratio(Self::ON_RUNTIME, true, None);
        ratio(Self::PMSR, true, Some((LEAST_OF_PMSR, LEAST_OF_PMSR)));
        ratio(Self::PMSR_UVLOOP, true, None);
        ratio(Self::ON_RUNTIME, false, Some((LEAST_OF_RUNTIME, AIM_OF_RUNTIME)));
        ratio(Self::PMSR, false, None);
        figures.push(figure("ready, ms", self.ready, None));
        figures.push(figure("idle anonymous memory, MB", self.idle_memory / 1e6, Some(Limit::Most(MOST_IDLE / 1e6))));
        figures.push(figure("an idle connection, octets", self.a_connection, None));
        let many = self.many;
        let most = (many >= MANY).then_some(Limit::Most(MOST_A_POLICY));
        figures.push(figure(&format!("a policy of {many}, octets"), self.a_policy, most));
        let slower = format!("a lookup among {many}: times one among 1000 (aim {AIM_SLOWER})");
        figures.push(figure(&slower, self.slower, Some(Limit::Most(MOST_SLOWER))));
        figures
    }

    /// The tables of the README.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = "| server | replies a second | 16 deep |\n|---|---:|---:|\n".to_owned();
        // Writing to a string does not fail.
        for row in &self.rows {
            let (single, pipelined) = (median(&row.single), median(&row.pipelined));
            let _ = writeln!(out, "| {} | {single:.0} | {pipelined:.0} |", row.name);
        }
        out.push_str("\n| what | value | limit | |\n|---|---:|---:|---|\n");
        for figure in self.figures() {
            let limit = match figure.limit {
                Some(Limit::Least(least)) => format!("at least {least}"),
                Some(Limit::Most(most)) => format!("at most {most}"),
                None => String::new(),
            };
            let verdict = if figure.limit.is_some() { pass(figure.passes()) } else { "" };
            let _ = writeln!(out, "| {} | {:.2} | {limit} | {verdict} |", figure.what, figure.value);
        }
        let _ = writeln!(out, "\n{}", pass(self.passes()));
        out
    }

    /// All of it for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let servers = self
            .rows
            .iter()
            .map(|row| json!({ "name": row.name, "single": median(&row.single), "pipelined": median(&row.pipelined) }));
        let figures = self.figures().into_iter().map(|figure| {
            let (least, most) = match figure.limit {
                Some(Limit::Least(least)) => (Some(least), None),
                Some(Limit::Most(most)) => (None, Some(most)),
                None => (None, None),
            };
            let pass = figure.passes();
            json!({ "what": figure.what, "value": figure.value, "least": least, "most": most, "pass": pass })
        });
        json!({
            "servers": servers.collect::<Vec<_>>(),
            "figures": figures.collect::<Vec<_>>(),
            "pass": self.passes(),
        })
    }
}

fn pass(passed: bool) -> &'static str {
    if passed { "PASS" } else { "FAIL" }
}
