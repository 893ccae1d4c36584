//! `mta-sts cache`: what a running daemon holds.

mod client;
mod show;

use crate::{
    config::FileArg,
    exit::{Done, Exit, Stop},
    output::{self, escape},
};
use client::{Admin, Refusal};
use mta_sts_core::Domain;
use mta_sts_postfix::{CachePage, CachedDomain, Purged, Refreshed, config};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,

    /// The admin socket of the daemon. Default: server.admin of the configuration; else admin.sock in
    /// $RUNTIME_DIRECTORY, in /run/mta-sts or in the state directory, whichever is there.
    #[arg(long, global = true, value_name = "PATH")]
    admin: Option<PathBuf>,

    #[command(flatten)]
    file: FileArg,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Lists what is held, by domain.
    List,
    /// Shows all that is held for a domain.
    Show(One),
    /// Asks DNS and the policy host about a domain now, and keeps what they say.
    Refresh(One),
    /// Forgets a domain, or all of them. Until their policies are fetched again, mail goes out
    /// without them.
    Purge(Purge),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The policy domain. U-labels are converted.
    domain: String,
}

#[derive(Debug, clap::Args)]
struct Purge {
    /// The policy domain. U-labels are converted.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    domain: Option<String>,

    /// Forget everything.
    #[arg(long)]
    all: bool,
}

const AFTER_HELP: &str = "\
Exit codes:
  0   done
  1   the cache holds nothing for the domain, or its refresh failed while a policy lives on
  3   the daemon cannot be asked, or could not learn it
  64  wrong usage

Examples:
  mta-sts cache list
  mta-sts cache list --config mta-sts.toml
  mta-sts cache show example.com
  mta-sts cache refresh example.com
  mta-sts cache purge example.com
  mta-sts cache list --json | jq '.entries[] | select(.mode == \"enforce\") | .domain'";

/// All pages together.
#[derive(Debug, Serialize)]
struct List {
    entries: Vec<CachedDomain>,
}

pub(crate) fn run(args: &Args, json: bool) -> Result<Done, Stop> {
    let action = &args.action;
    // Before anything is asked, so that wrong usage is said first.
    let domain = match action {
        Action::List => None,
        Action::Show(One { domain }) | Action::Refresh(One { domain }) => Some(parse(domain)?),
        Action::Purge(Purge { domain, .. }) => domain.as_deref().map(parse).transpose()?,
    };
    let admin = Admin::find(admin_socket(args)?.as_deref())?;
    match (action, &domain) {
        (Action::List, _) => list(&admin, json),
        (Action::Show(_), Some(domain)) => show_one(&admin, domain, json),
        (Action::Refresh(_), Some(domain)) => refresh(&admin, domain, json),
        (_, domain) => purge(&admin, domain.as_ref(), json),
    }
}

/// The socket that is named, here or in the configuration.
fn admin_socket(args: &Args) -> Result<Option<PathBuf>, Stop> {
    if args.admin.is_some() {
        return Ok(args.admin.clone());
    }
    let config = match args.file.load() {
        Ok(config) => config,
        Err(error) if args.file.is_given() => return Err(Stop::usage(error.to_string())),
        // The daemon may run by what it read before, and its configuration is not for everybody.
        Err(error) => {
            output::remark(&format!("not read: {error}"));
            return Ok(None);
        }
    };
    match config.server.admin {
        config::Admin::At(path) => Ok(Some(path)),
        config::Admin::Off => Err(Stop::unknown(format!(
            "{}: server.admin is \"\", so that the daemon has no admin socket; if systemd opens one for it, name it \
             with --admin PATH",
            args.file.name()
        ))),
        _ => Ok(None),
    }
}

fn parse(name: &str) -> Result<Domain, Stop> {
    Domain::from_unicode(name)
        .map_err(|error| Stop::usage(format!("\"{}\" is not a policy domain: {error}", escape::text(name))))
}

fn list(admin: &Admin, json: bool) -> Result<Done, Stop> {
    let mut entries = Vec::new();
    let mut after = String::new();
    loop {
        let page: CachePage = admin.ask("GET", &format!("/cache?limit=1000&after={after}"))?;
        entries.extend(page.entries);
        match page.next {
            // Only forward, so that it ends whatever is said.
            Some(next) if next > after => after = next,
            _ => break,
        }
    }
    let exit = Exit::Fine;
    Ok(if json { Done::json(&List { entries }, exit) } else { Done { text: show::table(&entries, admin.now()), exit } })
}

fn show_one(admin: &Admin, domain: &Domain, json: bool) -> Result<Done, Stop> {
    let entry: CachedDomain = match admin.try_ask("GET", &format!("/cache/{domain}"))? {
        Ok(entry) => entry,
        Err(Refusal { status: 404, .. }) => {
            let message =
                format!("the cache holds nothing for {domain}; \"mta-sts cache refresh {domain}\" asks for it");
            return Err(Stop { message, exit: Exit::Warning });
        }
        Err(refusal) => return Err(refusal.stop()),
    };
    let exit = Exit::Fine;
    Ok(if json { Done::json(&entry, exit) } else { Done { text: show::entry(&entry, admin.now()), exit } })
}

fn refresh(admin: &Admin, domain: &Domain, json: bool) -> Result<Done, Stop> {
    let refreshed: Refreshed = admin.ask("POST", &format!("/cache/{domain}/refresh"))?;
    let failed = refreshed.failure.is_some() || refreshed.store_error.is_some();
    let exit = match (failed, refreshed.decision.as_str()) {
        (false, _) => Exit::Fine,
        (true, "no-policy") => Exit::Unknown,
        (true, _) => Exit::Warning,
    };
    Ok(if json { Done::json(&refreshed, exit) } else { Done { text: show::refreshed(&refreshed, admin.now()), exit } })
}

fn purge(admin: &Admin, domain: Option<&Domain>, json: bool) -> Result<Done, Stop> {
    let target = domain.map_or_else(|| "/cache".to_owned(), |domain| format!("/cache/{domain}"));
    let purged: Purged = admin.ask("DELETE", &target)?;
    let exit = if domain.is_some() && purged.purged == 0 { Exit::Warning } else { Exit::Fine };
    if json {
        return Ok(Done::json(&purged, exit));
    }
    let text = match (domain, purged.purged) {
        (Some(domain), 0) => format!("the cache holds nothing for {domain}\n"),
        (Some(domain), _) => format!("{domain} is forgotten\n"),
        (None, 1) => "1 entry is forgotten\n".to_owned(),
        (None, number) => format!("{number} entries are forgotten\n"),
    };
    Ok(Done { text, exit })
}
