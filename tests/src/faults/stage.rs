//! What a scenario plays on: the lab, the fronts before it, the clock, and what was published.

use super::{
    Options, Result,
    clock::Clock,
    dns_front::{Dns, DnsFront},
    figures::Figures,
    oracle::Oracle,
    tcp_front::{Tcp, TcpFront},
};
use mta_sts_lab::{Lab, PolicyHost};
use std::{env, fs, path::PathBuf, process, sync::Arc};

/// A week: long enough for every scenario but the one that steps the clock.
pub(super) const MAX_AGE: u32 = 604_800;

pub(super) struct Stage {
    pub(super) options: Arc<Options>,
    pub(super) figures: Arc<Figures>,
    pub(super) oracle: Oracle,
    pub(super) lab: Lab,
    pub(super) dns: DnsFront,
    pub(super) https: TcpFront,
    pub(super) clock: Clock,
    /// Of this scenario alone.
    pub(super) directory: PathBuf,
}

/// What a domain publishes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mode {
    Enforce,
    Testing,
    None,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

impl Stage {
    pub(super) async fn set(name: &str, options: Arc<Options>, figures: Arc<Figures>) -> Result<Arc<Self>> {
        let directory = env::temp_dir().join(format!("mta-sts-faults-{}-{name}", process::id()));
        fs::create_dir_all(&directory)?;
        let lab = Lab::start().await?;
        fs::write(directory.join("ca.pem"), lab.ca_pem())?;
        let clock = Clock::new(directory.join("clock"))?;
        let dns = DnsFront::start(lab.dns_addr()).await?;
        let server = ([127, 0, 0, 1], lab.https_port()).into();
        let https = TcpFront::start("127.0.0.1:0".parse()?, server).await?;
        Ok(Arc::new(Self { options, figures, oracle: Oracle::default(), lab, dns, https, clock, directory }))
    }

    /// Clears away what is no longer of use.
    pub(super) fn strike(&self, is_good: bool) {
        if is_good {
            // What is left of it does no harm.
            let _ = fs::remove_dir_all(&self.directory);
        } else {
            println!("    what the daemon said is in {}", self.directory.display());
        }
    }

    /// Publishes another policy of the domain, with an id of its own.
    pub(super) fn publish(&self, domain: &str, mode: Mode, max_age: u32) {
        self.publish_with(domain, mode, max_age, PolicyHost::serving);
    }

    /// The same by a host that may be worse.
    pub(super) fn publish_with(&self, domain: &str, mode: Mode, max_age: u32, host: impl FnOnce(String) -> PolicyHost) {
        // RFC 8461 §3.1: first the policy, then the record that tells of it; and the oracle before both.
        let number = self.oracle.publish(domain, |n| {
            (mode == Mode::Enforce).then(|| format!("secure match=v{n}.{domain}:.{domain} servername=hostname"))
        });
        let policy = format!(
            "version: STSv1\nmode: {}\nmx: v{number}.{domain}\nmx: *.{domain}\nmax_age: {max_age}\n",
            mode.word()
        );
        let world = self.lab.world();
        world.policy_host(&format!("mta-sts.{domain}"), host(policy));
        world.txt(&format!("_mta-sts.{domain}"), &[&format!("v=STSv1; id={number};")]);
    }

    /// Publishes enforce policies for so many domains, and says which.
    pub(super) fn enforcing(&self, prefix: &str, count: usize) -> Vec<String> {
        let names: Vec<_> = (0..count).map(|n| format!("{prefix}{n}.test")).collect();
        names.iter().for_each(|name| self.publish(name, Mode::Enforce, MAX_AGE));
        names
    }

    /// Neither DNS nor policy hosts can be had, so that a policy can only come from the store.
    pub(super) async fn cut_off(&self) {
        self.dns.set(Dns::ServFail).await;
        self.https.set(Tcp::Refuse).await;
    }

    pub(super) async fn heal(&self) {
        self.https.set(Tcp::Pass).await;
        self.dns.set(Dns::Pass).await;
    }
}
