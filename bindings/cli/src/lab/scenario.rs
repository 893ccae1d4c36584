//! What a scenario is: a domain, what happens to it step by step, and what a sender must conclude.

use mta_sts::core::{Intent, UnixTime};
use mta_sts_lab::{Address, Answer, MxHost, PolicyHost, Record, RecordType, Response, Tls, World};

/// One domain of the lab, and its life.
pub(crate) struct Scenario {
    /// The policy domain.
    pub(crate) domain: String,
    /// What is special about it.
    pub(crate) what: &'static str,
    /// What happens. The first step sets the domain up.
    pub(crate) steps: Vec<Step>,
}

/// A change of the world, and what a sender must conclude afterwards.
pub(crate) struct Step {
    /// Seconds on the sender's clock since the scenario began.
    pub(crate) at: i64,
    /// Why the sender looks the domain up.
    pub(crate) intent: Intent,
    change: Change,
    /// What the sender must conclude.
    pub(crate) expected: Conclusion,
}

type Change = Box<dyn for<'w> Fn(Site<'w>) -> Site<'w>>;

/// What a sender concludes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Conclusion {
    /// `enforce`, `testing` or `no policy`.
    pub(crate) decision: String,
    /// What could not be learnt; empty if nothing.
    pub(crate) failure: String,
    /// What becomes of a message.
    pub(crate) delivery: String,
}

impl Scenario {
    pub(crate) fn new(
        label: &str,
        what: &'static str,
        setup: impl for<'w> Fn(Site<'w>) -> Site<'w> + 'static,
        expected: [&str; 3],
    ) -> Self {
        Self { domain: format!("{label}.test"), what, steps: Vec::new() }.then(0, setup, expected)
    }

    /// Another step, `at` seconds after the beginning.
    pub(crate) fn then(
        self,
        at: i64,
        change: impl for<'w> Fn(Site<'w>) -> Site<'w> + 'static,
        expected: [&str; 3],
    ) -> Self {
        self.then_for(Intent::Deliver, at, change, expected)
    }

    /// Another step, for a reason other than delivery.
    pub(crate) fn then_for(
        mut self,
        intent: Intent,
        at: i64,
        change: impl for<'w> Fn(Site<'w>) -> Site<'w> + 'static,
        [decision, failure, delivery]: [&str; 3],
    ) -> Self {
        // In what is expected, "@" is the policy domain.
        let delivery = delivery.replace('@', &self.domain);
        let expected = Conclusion { decision: decision.to_owned(), failure: failure.to_owned(), delivery };
        self.steps.push(Step { at, intent, change: Box::new(change), expected });
        self
    }
}

impl Step {
    /// Changes the world.
    pub(crate) fn apply(&self, world: &World, domain: &str) {
        (self.change)(Site { world, domain: domain.to_owned() });
    }
}

/// The policy of a site, as most scenarios have it.
pub(crate) const ENFORCE: &str = "version: STSv1\nmode: enforce\nmx: mx.@\nmax_age: 604800\n";

/// A domain of the lab while it is set up. In names and texts "@" is the domain.
pub(crate) struct Site<'w> {
    pub(crate) world: &'w World,
    domain: String,
}

impl Site<'_> {
    pub(crate) fn name(&self, name: &str) -> String {
        name.replace('@', &self.domain)
    }

    /// The TXT records at `_mta-sts`.
    pub(crate) fn txt(self, records: &[&str]) -> Self {
        self.world.txt(&self.name("_mta-sts.@"), records);
        self
    }

    /// DNSSEC vouches for all names of the domain.
    pub(crate) fn secure(self) -> Self {
        self.world.set_secure(&self.domain, true);
        self
    }

    /// A TLSA record with the key that the MX host shows.
    pub(crate) fn tlsa(self, host: &str) -> Self {
        let key = self.world.tlsa_for(&self.name(host));
        self.tlsa_of(host, key)
    }

    /// A TLSA record with another SHA-256 digest of a key.
    pub(crate) fn tlsa_of(self, host: &str, data: Vec<u8>) -> Self {
        let record = Record::Tlsa { usage: 3, selector: 1, matching: 1, data };
        self.dns(&format!("_25._tcp.{host}"), RecordType::Tlsa, Answer::Records(vec![record]))
    }

    /// Whatever DNS is to answer.
    pub(crate) fn dns(self, name: &str, kind: RecordType, answer: Answer) -> Self {
        self.world.set(&self.name(name), kind, answer);
        self
    }

    pub(crate) fn policy_host(self, host: PolicyHost) -> Self {
        self.world.policy_host(&self.name("mta-sts.@"), host);
        self
    }

    /// The policy host serves this text.
    pub(crate) fn policy(self, text: &str) -> Self {
        let text = self.name(text);
        self.policy_host(PolicyHost::from(Response::text(text)))
    }

    /// The policy host answers so, with the usual policy as its body.
    pub(crate) fn responds(self, response: impl FnOnce(Response) -> Response) -> Self {
        let text = self.name(ENFORCE);
        self.policy_host(PolicyHost::from(response(Response::text(text))))
    }

    /// The policy host has this certificate, and the usual policy.
    pub(crate) fn certificate(self, tls: Tls) -> Self {
        let text = self.name(ENFORCE);
        self.policy_host(PolicyHost { tls, ..PolicyHost::from(Response::text(text)) })
    }

    /// The policy host is at such an address, with the usual policy.
    pub(crate) fn at(self, address: Address) -> Self {
        let text = self.name(ENFORCE);
        self.policy_host(PolicyHost { address, ..PolicyHost::from(Response::text(text)) })
    }

    /// MX records, and the servers behind them.
    pub(crate) fn mx(self, hosts: &[(u16, &str, MxHost)]) -> Self {
        let names: Vec<_> = hosts.iter().map(|(preference, name, _)| (*preference, self.name(name))).collect();
        let records: Vec<_> = names.iter().map(|(preference, name)| (*preference, name.as_str())).collect();
        self.world.mx(&self.domain, &records);
        hosts.iter().fold(self, |site, (_, name, host)| site.server(name, host.clone()))
    }

    /// A mail server of that name, without an MX record.
    pub(crate) fn server(self, name: &str, host: MxHost) -> Self {
        let name = self.name(name);
        if let Err(error) = self.world.mx_host(&name, host) {
            eprintln!("the lab cannot start {name}: {error}");
        }
        self
    }

    /// A record, the usual policy, and one good MX host.
    pub(crate) fn good(self) -> Self {
        self.good_dns().policy(ENFORCE)
    }

    /// A record and one good MX host; no policy host.
    pub(crate) fn good_dns(self) -> Self {
        self.txt(&["v=STSv1; id=1;"]).mx(&[(10, "mx.@", MxHost::default())])
    }
}

/// The sender's clock: the system's, and so many seconds more or less.
#[derive(Debug, Default)]
pub(crate) struct ShiftedClock(std::sync::atomic::AtomicI64);

impl ShiftedClock {
    pub(crate) fn shift(&self, seconds: i64) {
        self.0.store(seconds, std::sync::atomic::Ordering::SeqCst);
    }
}

impl mta_sts::Clock for ShiftedClock {
    fn now(&self) -> UnixTime {
        let now = mta_sts::SystemClock.now();
        UnixTime(now.0.saturating_add_signed(self.0.load(std::sync::atomic::Ordering::SeqCst)))
    }
}
