//! Files and standard input, in bounds.

use crate::{exit::Stop, output::escape};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Input {
    /// The name to show: escaped, `<stdin>` for standard input.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// There was more than the limit. Only the first octets are here.
    pub(crate) cut: bool,
}

/// Reads a file, or standard input for `-`, up to `limit` octets.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Input, Stop> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "<stdin>".to_owned() } else { escape::path(path) };
    let read = if is_stdin {
        read_up_to(io::stdin().lock(), limit)
    } else {
        File::open(path).and_then(|file| read_up_to(file, limit))
    };
    match read {
        Ok((bytes, cut)) => Ok(Input { name, bytes, cut }),
        Err(error) => Err(Stop::usage(format!("cannot read {name}: {}", in_words(&error)))),
    }
}

fn read_up_to(source: impl Read, limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    source.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    let cut = bytes.len() > limit;
    bytes.truncate(limit);
    Ok((bytes, cut))
}

/// The system's words, without the number that says the same.
pub(crate) fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// A file argument that may be `-`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FileArg {
    /// The file; "-" is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
