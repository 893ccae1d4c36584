//! What postconf says of Postfix.

use super::finding::Finding;
use crate::{input::in_words, output::escape};
use std::{collections::HashMap, io, path::Path, process::Stdio, time::Duration};
use tokio::{io::AsyncReadExt, process::Command, time::timeout};

const PATIENCE: Duration = Duration::from_secs(10);
const MAX_OUTPUT: u64 = 1 << 20;

const PARAMETERS: [&str; 12] = [
    "mail_version",
    "mail_owner",
    "queue_directory",
    "compatibility_level",
    "smtp_dns_support_level",
    "smtp_host_lookup",
    "smtp_tls_CAfile",
    "smtp_tls_CApath",
    "smtp_tls_enforce_sts_mx_patterns",
    "smtp_tls_policy_maps",
    "smtp_tls_security_level",
    "smtp_use_tls",
];

pub(super) struct Postfix {
    /// Parameters that this version does not know are missing.
    settings: HashMap<String, String>,
    /// The services of master.cf that run smtp(8).
    pub(super) services: Vec<Service>,
}

pub(super) struct Service {
    pub(super) name: String,
    chroot: String,
    /// The value of `-o smtp_tls_policy_maps=…`.
    pub(super) policy_maps: Option<String>,
}

/// Major, minor, patch; a snapshot has patch 0.
pub(super) type Version = (u32, u32, u32);

impl Postfix {
    /// Asks postconf, or says why not.
    pub(super) async fn read(postconf: &Path) -> Result<Self, Finding> {
        let mut arguments = vec!["-x"];
        arguments.extend(PARAMETERS);
        let (settings, services) = tokio::join!(run(postconf, &arguments), run(postconf, &["-M"]));
        let settings = parse_settings(&settings?);
        // A master.cf that cannot be read still leaves main.cf.
        let services = services.map(|text| text.lines().filter_map(parse_service).collect()).unwrap_or_default();
        if !settings.contains_key("mail_version") {
            return Err(Finding::unknown("postfix", "postconf", "it does not say the mail_version of Postfix"));
        }
        Ok(Self { settings, services })
    }

    /// The value of a parameter, empty if it is unset or not known to this version.
    pub(super) fn get(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.settings.contains_key(name)
    }

    pub(super) fn version(&self) -> Option<Version> {
        version(self.get("mail_version"))
    }

    /// Whether a service runs in the queue directory as its root.
    pub(super) fn is_chrooted(&self, service: &Service) -> bool {
        match service.chroot.as_str() {
            "y" => true,
            "n" => false,
            // Since Postfix 3.0, but only at compatibility level 1.
            _ => self.version().is_none_or(|version| version < (3, 0, 0)) || self.get("compatibility_level") == "0",
        }
    }
}

fn version(text: &str) -> Option<Version> {
    let release = text.split('-').next()?;
    let mut numbers = release.split('.').map(str::parse);
    let mut next = || numbers.next().unwrap_or(Ok(0)).ok();
    Some((next()?, next()?, next()?))
}

async fn run(postconf: &Path, arguments: &[&str]) -> Result<String, Finding> {
    let shown = escape::path(postconf);
    let unknown = |why: String| Finding::unknown("postfix", "postconf", why);
    let child = Command::new(postconf)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // It warns of parameters that it does not know.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let found = format!("no {shown} on this machine, so that nothing of Postfix was looked at");
            return Err(Finding::skip("postfix", "Postfix", found).fix("name the program with --postconf PATH"));
        }
        Err(error) => return Err(unknown(format!("cannot run {shown}: {}", in_words(&error)))),
    };
    let read = async {
        let mut octets = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MAX_OUTPUT).read_to_end(&mut octets).await?;
        }
        child.wait().await.map(|status| (status, octets))
    };
    match timeout(PATIENCE, read).await {
        Ok(Ok((status, octets))) if status.success() => Ok(String::from_utf8_lossy(&octets).into_owned()),
        Ok(Ok((status, _))) => Err(unknown(format!("{shown} {} ended with {status}", arguments[0]))),
        Ok(Err(error)) => Err(unknown(format!("{shown}: {}", in_words(&error)))),
        Err(_) => Err(unknown(format!("{shown} did not end in 10 seconds"))),
    }
}

/// Lines of `name = value`.
fn parse_settings(text: &str) -> HashMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

/// `smtp unix - - y - - smtp -o name=value`.
fn parse_service(line: &str) -> Option<Service> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let chroot = words.nth(3)?;
    if words.nth(2)? != "smtp" {
        return None;
    }
    let mut options = words.filter_map(|word| word.strip_prefix("smtp_tls_policy_maps="));
    // Of several the last counts.
    let policy_maps = options.next_back().map(str::to_owned);
    Some(Service { name: name.to_owned(), chroot: chroot.to_owned(), policy_maps })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert_eq!(version("3.10.5"), Some((3, 10, 5)));
        assert_eq!(version("3.11-20250101"), Some((3, 11, 0)));
        assert_eq!(version("3.7"), Some((3, 7, 0)));
        assert_eq!(version("new"), None);
    }

    #[test]
    fn services_that_deliver_are_found() {
        let service = parse_service("relay      unix  -       -       y       -       -       smtp -o a=b").unwrap();
        assert_eq!((&*service.name, &*service.chroot), ("relay", "y"));
        let service = parse_service("x unix - - n - - smtp -o smtp_tls_policy_maps=hash:/a").unwrap();
        assert_eq!(service.policy_maps.as_deref(), Some("hash:/a"));
        assert!(parse_service("smtp       inet  n       -       y       -       -       smtpd").is_none());
        assert!(parse_service("").is_none());
    }
}
