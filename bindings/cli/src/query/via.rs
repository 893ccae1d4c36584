//! `mta-sts query --via`: asks a running socketmap server, whoever wrote it.

mod client;
mod meaning;

pub(crate) use client::{Asked, Place, Server};
pub(crate) use meaning::{Fate, Meaning};

use crate::{
    exit::{Done, Exit, Stop},
    output::{
        escape,
        style::{BAD, FAINT, GOOD, STRONG, WARNING},
        text::paragraph,
    },
};
use mta_sts_core::socketmap::MAX_REQUEST;
use serde::Serialize;

/// The map of C clients, whose replies are not for Postfix.
const POLICY_MAP: &str = "policy";
const INDENT: usize = 12;

#[derive(Serialize)]
struct Json<'a> {
    server: String,
    map: &'a str,
    key: &'a str,
    /// The reply as it came, octets that are no UTF-8 as `\xff`.
    reply: String,
    /// `ok`, `notfound`, `temp`, `timeout`, `perm`.
    status: &'static str,
    /// What follows the word.
    text: String,
    milliseconds: f64,
    /// What Postfix makes of it: `verified`, `encrypted`, `own-settings`, `deferred`; `null` for the map `policy`.
    fate: Option<&'static str>,
    means: String,
    exit_code: u8,
}

/// `key` goes to the server as it is.
pub(super) fn run(server: &Server, map: Option<&str>, key: &str, json: bool) -> Result<Done, Stop> {
    let map = map.or(server.map()).unwrap_or("postfix");
    if map.is_empty() || map.contains(' ') || map.len() + 1 + key.len() > MAX_REQUEST {
        return Err(Stop::usage("a map name is a word without spaces, and both together have at most 10000 octets"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Stop::unknown(format!("cannot start: {}", crate::input::in_words(&error))))?;
    let asked = runtime.block_on(server.ask(map, key)).map_err(|trouble| Stop::unknown(trouble.to_string()))?;
    let meaning = if map == POLICY_MAP { Meaning::of_policy_map(&asked) } else { Meaning::of(&asked) };
    let exit = exit(&meaning);
    if json {
        let json = Json {
            server: server.to_string(),
            map,
            key,
            reply: escape::for_json(&asked.reply),
            status: asked.status(),
            text: escape::for_json(asked.text()),
            milliseconds: (asked.took.as_secs_f64() * 1e6).round() / 1e3,
            fate: meaning.fate.map(Fate::as_str),
            means: meaning.words,
            exit_code: exit.code(),
        };
        return Ok(Done::json(&json, exit));
    }
    Ok(Done { text: show(server, map, key, &asked, &meaning), exit })
}

fn exit(meaning: &Meaning) -> Exit {
    match meaning.fate {
        None | Some(Fate::Verified) => Exit::Fine,
        Some(Fate::Encrypted) => Exit::Warning,
        Some(Fate::OwnSettings) => Exit::Off,
        // A temporary failure is not a refusal, a reply that Postfix cannot read is one for good.
        Some(Fate::Deferred) if meaning.is_temporary => Exit::Unknown,
        Some(Fate::Deferred) => Exit::Off,
    }
}

fn show(server: &Server, map: &str, key: &str, asked: &Asked, meaning: &Meaning) -> String {
    let row = |label: &str, words: &str| {
        let lead = format!("  {FAINT}{label}{FAINT:#}{}", " ".repeat(INDENT - 2 - label.len()));
        paragraph(&lead, INDENT, words)
    };
    let color = match meaning.fate {
        None | Some(Fate::Verified) => GOOD,
        Some(Fate::Encrypted | Fate::OwnSettings) => WARNING,
        Some(Fate::Deferred) => BAD,
    };
    let mut text = format!("{STRONG}{}{STRONG:#} in {} at {server}\n\n", escape::name(key), escape::name(map));
    let end = asked.reply.trim_ascii_end().len();
    // The exact octets: a space at the end is part of the protocol, and would not be seen.
    let spaces = asked.reply.len() - end;
    let lines: Vec<_> = match map {
        // Its values are text of several lines.
        POLICY_MAP => asked.reply[..end].split(|&octet| octet == b'\n').map(escape::octets).collect(),
        _ => vec![format!("{}{}", escape::octets(&asked.reply[..end]), "␣".repeat(spaces))],
    };
    text += &format!("  {FAINT}reply{FAINT:#}     {}\n", lines.join(&format!("\n{}", " ".repeat(INDENT))));
    text += &row("took", &format!("{:.1} ms", asked.took.as_secs_f64() * 1e3));
    let lead = format!("  {color}means{color:#}     ");
    text += &paragraph(&lead, INDENT, &escape::text(&meaning.words));
    for note in &meaning.notes {
        text += &row("", &escape::text(note));
    }
    text
}
