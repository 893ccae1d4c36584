//! `mta-sts config`, and where the daemon's files are.

use crate::{
    exit::{Done, Exit, Stop},
    input,
    output::{self, escape, style, words},
};
use mta_sts_postfix::{
    config::{Config, ConfigError, Problem},
    migrate::{self, ImportError},
};
use serde_json::json;
use std::{
    env,
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// Read if no other is named.
const DEFAULT_FILE: &str = "/etc/mta-sts/config.toml";

/// Checks, shows or imports the configuration of `mta-sts serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Exit codes: 0 if the file is fine, 1 with warnings, 2 with errors.

Examples:
  mta-sts config check
  mta-sts config show --config mta-sts.toml
  mta-sts config import /etc/mta-sts-daemon.yml > /etc/mta-sts/config.toml
  mta-sts config import /etc/postfix-tlspol/config.yaml > /etc/mta-sts/config.toml";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Says all that is wrong with the configuration, and what may not be meant.
    Check(FileArg),
    /// Prints the configuration that is in force, with defaults and a comment for each key.
    /// Passwords are hidden.
    Show(FileArg),
    /// Writes a configuration made from mta-sts-daemon.yml of postfix-mta-sts-resolver, or from
    /// config.yaml of postfix-tlspol, to standard output.
    Import(input::FileArg),
}

/// The configuration file.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FileArg {
    /// The configuration. Default: /etc/mta-sts/config.toml if there is one; else all defaults.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl FileArg {
    /// The file to read; `None` if all is to be default.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let default = || Path::new(DEFAULT_FILE).exists().then(|| DEFAULT_FILE.into());
        self.config.clone().or_else(default)
    }

    /// Whether it was asked for, and not only looked for.
    pub(crate) fn is_given(&self) -> bool {
        self.config.is_some()
    }

    /// Its name, to be shown.
    pub(crate) fn name(&self) -> String {
        self.path().map_or_else(|| format!("{DEFAULT_FILE} (not there, all is default)"), |path| escape::path(&path))
    }

    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        self.path().map_or_else(|| Ok(Config::default()), |path| Config::load(&path))
    }
}

pub(crate) fn run(args: &Args, json: bool) -> Result<Done, Stop> {
    match &args.command {
        Command::Check(file) => Ok(check(file, json)),
        Command::Show(file) => show(file, json),
        Command::Import(file) => import(&file.file),
    }
}

fn check(file: &FileArg, json: bool) -> Done {
    let name = file.name();
    let (errors, warnings) = match file.load() {
        Ok(config) => (Vec::new(), config.warnings()),
        Err(error) => (error.problems, Vec::new()),
    };
    let exit = match (errors.is_empty(), warnings.is_empty()) {
        (false, _) => Exit::Off,
        (true, false) => Exit::Warning,
        (true, true) => Exit::Fine,
    };
    if json {
        let error = |problem: &Problem| {
            let (line, column) = problem.place.unzip();
            json!({ "line": line, "column": column, "message": problem.message })
        };
        let errors: Vec<_> = errors.iter().map(error).collect();
        let value = json!({ "file": name, "valid": errors.is_empty(), "errors": errors, "warnings": warnings });
        return Done::json(&value, exit);
    }
    let mut text = String::new();
    // Writing to a String cannot fail.
    for problem in &errors {
        let place = problem.place.map_or(String::new(), |(line, column)| format!("{line}:{column}: "));
        let (bad, name) = (style::BAD, &name);
        let _ = writeln!(text, "{bad}error:{bad:#} {name}:{place}{}", space_after(&place, &problem.message));
    }
    for warning in &warnings {
        let style = style::WARNING;
        let _ = writeln!(text, "{style}warning:{style:#} {warning}");
    }
    let good = style::GOOD;
    let _ = match (errors.len(), warnings.len()) {
        (0, 0) => writeln!(text, "{name} is {good}fine{good:#}"),
        (0, number) => writeln!(text, "{name} is {good}fine{good:#}, with {}", words::count(number as u64, "warning")),
        (number, _) => writeln!(text, "{name} has {}", words::count(number as u64, "error")),
    };
    Done { text, exit }
}

fn space_after(place: &str, message: &str) -> String {
    if place.is_empty() { format!(" {message}") } else { message.to_owned() }
}

fn show(file: &FileArg, json: bool) -> Result<Done, Stop> {
    let config = file.load().map_err(|error| Stop { message: error.to_string(), exit: Exit::Off })?;
    let text = config.to_toml();
    if !json {
        return Ok(Done { text, exit: Exit::Fine });
    }
    let value: serde_json::Value =
        toml::from_str(&text).map_err(|_| Stop::unknown("the configuration cannot be shown as JSON"))?;
    Ok(Done::json(&value, Exit::Fine))
}

fn import(file: &Path) -> Result<Done, Stop> {
    const MAX_FILE: usize = 1 << 20;
    let input = input::read(file, MAX_FILE)?;
    let wrong = |message: String| Stop { message: format!("{}: {message}", input.name), exit: Exit::Off };
    if input.cut {
        return Err(wrong(ImportError::TooLarge.to_string()));
    }
    let text = str::from_utf8(&input.bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let import = migrate::import(text).map_err(|error| wrong(error.to_string()))?;
    for warning in &import.warnings {
        output::remark(warning);
    }
    let exit = if import.warnings.is_empty() { Exit::Fine } else { Exit::Warning };
    Ok(Done { text: import.toml, exit })
}

/// Where the daemon keeps its files unless the command line says otherwise.
pub(crate) fn state_dir() -> Result<PathBuf, Stop> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(directory) = first_directory("STATE_DIRECTORY") {
        return Ok(directory);
    }
    if rustix::process::geteuid().is_root() {
        return Ok("/var/lib/mta-sts".into());
    }
    let home = || absolute("HOME").map(|home| home.join(".local/state"));
    let base = absolute("XDG_STATE_HOME").or_else(home);
    base.map(|base| base.join("mta-sts"))
        .ok_or_else(|| Stop::usage("there is no home directory to keep policies in; name one by --state-dir"))
}

/// The first of the directories that systemd made and lists in a variable.
pub(crate) fn first_directory(variable: &str) -> Option<PathBuf> {
    let list = env::var_os(variable)?;
    env::split_paths(&list).next().filter(|path| path.is_absolute())
}
