//! Takes over the configuration of another socketmap daemon.
//!
//! Only the configuration: its cached policies are fetched anew, because neither cache says when a
//! policy was fetched, by which RFC 8461 §3.2 reckons its life.

mod draft;
mod resolver;
mod tlspol;

use crate::config::Config;
use core::{error::Error, fmt};
use draft::Draft;
use serde_json::{Map, Value};

/// Longer files are no configuration.
const MAX_FILE: usize = 1 << 20;
/// So much may be repeated by YAML's aliases, in values.
const MAX_REPEATED: usize = 10_000;

/// A configuration made from that of another program.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Import {
    /// Whose it was.
    pub from: Origin,
    /// The configuration file, with a comment for each key that has no counterpart.
    pub toml: String,
    /// What should be looked at: keys that are not known, and settings that could not be kept.
    pub warnings: Vec<String>,
}

/// The program that a configuration is of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Origin {
    /// `mta-sts-daemon.yml` of postfix-mta-sts-resolver.
    MtaStsResolver,
    /// `config.yaml` of postfix-tlspol.
    Tlspol,
}

/// Makes a configuration from the YAML text of another program's, which is told by what is in it.
///
/// # Errors
/// [`ImportError`].
pub fn import(text: &str) -> Result<Import, ImportError> {
    if text.len() > MAX_FILE {
        return Err(ImportError::TooLarge);
    }
    // Modes are written as 0666, and PyYAML and Go read that as octal.
    let mut options = serde_saphyr::options! { legacy_octal_numbers: true };
    options.alias_limits.max_total_replayed_events = MAX_REPEATED;
    let value = serde_saphyr::from_str_with_options(text, options);
    let map = match value {
        Ok(Value::Object(map)) => map,
        Ok(_) => return Err(ImportError::NotKnown),
        Err(error) => {
            let place = error.location().map(|at| (at.line(), at.column()));
            return Err(ImportError::NotYaml(place));
        }
    };
    let is_tlspol = |key: &str| matches!(map.get(key), Some(Value::Object(_)));
    let origin =
        match (is_tlspol("server") || is_tlspol("dns"), resolver::KEYS.iter().any(|key| map.contains_key(*key))) {
            (true, false) => Origin::Tlspol,
            (false, true) => Origin::MtaStsResolver,
            _ => return Err(ImportError::NotKnown),
        };
    let mut draft = Draft::default();
    let about = match origin {
        Origin::MtaStsResolver => {
            resolver::import(map, &mut draft);
            "postfix-mta-sts-resolver"
        }
        Origin::Tlspol => {
            tlspol::import(map, &mut draft);
            "postfix-tlspol"
        }
    };
    let (toml, mut warnings) = draft.finish(&format!(
        "Made from a configuration of {about}.\n\
         Its cached policies are not taken over: they do not say when they were fetched. They are fetched anew at the\n\
         first mail to each domain.\n\
         \"mta-sts config check\" says what may still not be meant; \"mta-sts config show\" explains every key."
    ));
    match Config::parse(&toml, "config.toml") {
        Ok(_) => {}
        Err(error) => warnings.extend(error.problems.into_iter().map(|problem| problem.message)),
    }
    Ok(Import { from: origin, toml, warnings })
}

/// Takes a table out of another.
fn table(map: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match map.remove(key) {
        Some(Value::Object(table)) => table,
        _ => Map::new(),
    }
}

/// A string, or a number as one is written.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A mode: a number, or octal digits.
fn mode(value: &Value) -> Option<String> {
    let mode = match value {
        Value::String(digits) => u64::from_str_radix(digits.trim_start_matches("0o"), 8).ok()?,
        value => value.as_u64()?,
    };
    (mode <= 0o777).then(|| format!("{mode:04o}"))
}

/// A number of seconds as a time span.
fn seconds(value: &Value) -> Option<String> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    let is_sane = seconds.is_finite() && (0.001..1e9).contains(&seconds);
    let span = is_sane.then(|| core::time::Duration::from_millis((seconds * 1000.0) as u64))?;
    Some(humantime::format_duration(span).to_string())
}

/// Why there is nothing to import.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ImportError {
    /// It is YAML, and of neither program, or of both.
    NotKnown,
    /// It is not YAML, seen at a line and a column.
    NotYaml(Option<(u64, u64)>),
    /// It is longer than 1 MiB.
    TooLarge,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotKnown => f.write_str(
                "neither a mta-sts-daemon.yml (postfix-mta-sts-resolver), which has keys such as \"host\" or \"cache\", \
                 nor a config.yaml of postfix-tlspol, which has \"server\" or \"dns\"",
            ),
            Self::NotYaml(Some((line, column))) => write!(f, "no YAML: line {line}, column {column}"),
            Self::NotYaml(None) => f.write_str("no YAML"),
            Self::TooLarge => f.write_str("longer than 1 MiB, which is no configuration"),
        }
    }
}

impl Error for ImportError {}
