//! Many questions in a file.

use super::{Answer, with_pattern};
use crate::{
    exit::Stop,
    input::Input,
    quoted::{self, Malformed, Quoted},
};
use core::iter::zip;

pub(super) fn answers(Input { name, bytes, cut }: &Input, limit: usize) -> Result<Vec<Answer>, Stop> {
    if *cut {
        return Err(Stop::usage(format!("{name} has more than {limit} octets; give it in parts")));
    }
    let lines = bytes.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let pairs = zip(lines, 1..).filter(|(line, _)| !line.is_empty());
    pairs
        .map(|(line, number)| {
            let (pattern, host) = pair(line).map_err(|e| e.stop(line, name, number))?;
            Ok(with_pattern(&pattern, &host))
        })
        .collect()
}

/// A pattern, a tab and a host.
fn pair(line: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Malformed> {
    let (pattern, tab) = field(line, 0)?;
    if line.get(tab) != Some(&b'\t') {
        return Err(Malformed::new(tab, "a tab is missing between pattern and host"));
    }
    let (host, end) = field(line, tab + 1)?;
    if end < line.len() {
        return Err(Malformed::new(end, "there is more after the host"));
    }
    Ok((pattern, host))
}

/// What begins at `start`, and the offset of what ends it.
fn field(line: &[u8], start: usize) -> Result<(Vec<u8>, usize), Malformed> {
    let rest = &line[start..];
    if rest.first() == Some(&b'"') {
        let mut quoted = Quoted::default();
        let end = quoted::string(line, start, &mut quoted)?;
        return Ok((quoted.octets, end));
    }
    let len = rest.iter().position(|&b| b == b'\t').unwrap_or(rest.len());
    Ok((rest[..len].to_vec(), start + len))
}
