//! Overrides: what the administrator knows better than the domain.

use core::{error::Error, fmt, fmt::Write as _, time::Duration};
use mta_sts::{
    Domain, Mode, Policy,
    core::{MxPattern, MxPatternError, PolicyError, domain::DomainError},
};
use std::{collections::HashMap, sync::Arc};

/// What applies to a domain in place of what it publishes.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Override {
    /// The domain is not looked up: not found, neither MTA-STS nor DANE.
    Exempt,
    /// This policy applies; the domain's own is not looked up. DANE still comes first where the
    /// zone says so.
    Policy(StaticPolicy),
    /// The domain's own policy applies and is fetched anew that often.
    RefreshEvery(Duration),
}

/// A policy from the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StaticPolicy {
    /// What is done with hosts that fail it.
    pub mode: Mode,
    /// The MX patterns: host names in A-labels, or `*.` and a name. At least one, unless the mode
    /// is `none`.
    pub mx: Vec<String>,
}

/// The overrides of all domains.
///
/// The name `example.com` is for that domain alone, `.example.com` for everything below it. For a
/// domain one override counts: that of its exact name, else that of the nearest parent.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// By the texts of domains.
    exact: HashMap<Box<str>, Rule>,
    below: HashMap<Box<str>, Rule>,
}

/// An override that was found to be good.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    Exempt,
    Policy(Arc<Policy>),
    RefreshEvery(Duration),
}

impl Overrides {
    /// The overrides under these names. U-labels are converted.
    ///
    /// # Errors
    /// [`OverrideError`] names the first override that cannot be, and says what is wrong with it.
    pub fn new<N: AsRef<str>>(overrides: impl IntoIterator<Item = (N, Override)>) -> Result<Self, OverrideError> {
        let mut all = Self::default();
        for (name, given) in overrides {
            let name = name.as_ref();
            all.add(name, given).map_err(|kind| OverrideError { name: name.to_owned(), kind })?;
        }
        Ok(all)
    }

    fn add(&mut self, name: &str, given: Override) -> Result<(), OverrideErrorKind> {
        let (rules, name) = match name.strip_prefix('.') {
            Some(parent) => (&mut self.below, parent),
            None => (&mut self.exact, name),
        };
        let domain = Domain::from_unicode(name).map_err(OverrideErrorKind::Name)?;
        let rule = match given {
            Override::Exempt => Rule::Exempt,
            Override::Policy(policy) => Rule::Policy(Arc::new(policy.read()?)),
            Override::RefreshEvery(Duration::ZERO) => return Err(OverrideErrorKind::NoTime),
            Override::RefreshEvery(time) => Rule::RefreshEvery(time),
        };
        match rules.insert(domain.as_str().into(), rule) {
            None => Ok(()),
            Some(_) => Err(OverrideErrorKind::Twice),
        }
    }

    /// How often the domain's policy is to be fetched anew, if an override says so.
    #[must_use]
    pub fn refresh_every(&self, domain: &Domain) -> Option<Duration> {
        match self.get(domain)? {
            Rule::RefreshEvery(time) => Some(*time),
            Rule::Exempt | Rule::Policy(_) => None,
        }
    }

    pub(crate) fn get(&self, domain: &Domain) -> Option<&Rule> {
        self.exact
            .get(domain.as_str())
            .or_else(|| if self.below.is_empty() { None } else { self.nearest_parent(domain) })
    }

    fn nearest_parent(&self, domain: &Domain) -> Option<&Rule> {
        let mut name = domain.as_str();
        while let Some((_, parent)) = name.split_once('.') {
            if let Some(rule) = self.below.get(parent) {
                return Some(rule);
            }
            name = parent;
        }
        None
    }
}

impl StaticPolicy {
    /// The policy, by way of its text, so that the same holds for it as for one that was fetched.
    fn read(&self) -> Result<Policy, OverrideErrorKind> {
        // How long it lives does not matter: it applies as long as it is configured.
        let mode = match self.mode {
            Mode::Enforce => "enforce",
            Mode::Testing => "testing",
            Mode::None => "none",
        };
        let mut text = format!("version: STSv1\nmode: {mode}\nmax_age: 86400\n");
        for mx in &self.mx {
            // In a policy that was fetched a bad pattern is passed over if there are good ones.
            let bad = |error| OverrideErrorKind::Mx { mx: mx.clone(), error };
            MxPattern::parse(mx.as_str()).map_err(|error| bad(Some(error)))?;
            if crate::reply::is_keyword(mx) {
                return Err(bad(None));
            }
            // Writing to a string does not fail.
            let _ = writeln!(text, "mx: {mx}");
        }
        if self.mx.is_empty() && self.mode != Mode::None {
            return Err(OverrideErrorKind::NoMx);
        }
        Policy::parse(text.as_bytes()).map_err(OverrideErrorKind::Policy)
    }
}

/// An override that cannot be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OverrideError {
    /// The name of the override, as it was given.
    pub name: String,
    /// What is wrong.
    pub kind: OverrideErrorKind,
}

/// What is wrong with an override.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum OverrideErrorKind {
    /// An MX pattern that is none.
    Mx {
        /// The pattern, as it was given.
        mx: String,
        /// What is wrong with it; `None` for a word that is no name to Postfix.
        error: Option<MxPatternError>,
    },
    /// The name is no domain.
    Name(DomainError),
    /// A policy without MX patterns.
    NoMx,
    /// A time of zero.
    NoTime,
    /// The policy is not valid.
    Policy(PolicyError),
    /// The name is there twice.
    Twice,
}

impl fmt::Display for OverrideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "override \"{}\": {}", self.name.escape_debug(), self.kind)
    }
}

impl fmt::Display for OverrideErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mx { mx, error: Some(error) } => write!(f, "bad MX pattern \"{}\": {error}", mx.escape_debug()),
            Self::Mx { mx, error: None } => {
                write!(f, "bad MX pattern \"{}\": Postfix takes it for another name", mx.escape_debug())
            }
            Self::Name(error) => write!(f, "not a domain, nor a dot and a domain: {error}"),
            Self::NoMx => f.write_str("a policy needs at least one MX pattern in mx"),
            Self::NoTime => f.write_str("the time between refreshes must be more than zero"),
            Self::Policy(error) => write!(f, "the policy is not valid: {error}"),
            Self::Twice => f.write_str("this name is there twice"),
        }
    }
}

impl Error for OverrideError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn enforce(mx: &[&str]) -> Override {
        Override::Policy(StaticPolicy { mode: Mode::Enforce, mx: mx.iter().map(|&mx| mx.to_owned()).collect() })
    }

    fn hours(hours: u64) -> Override {
        Override::RefreshEvery(Duration::from_secs(3600 * hours))
    }

    #[test]
    fn the_exact_name_counts_and_else_the_nearest_parent() {
        let all = [("a.example.com", hours(1)), (".example.com", hours(2)), (".a.example.com", hours(3))];
        let all = all.into_iter().chain([(".b.test", Override::Exempt), ("x.b.test", hours(4))]);
        let all = Overrides::new(all).unwrap();
        for (domain, expected) in [
            ("a.example.com", Some(1)),
            ("b.example.com", Some(2)),
            ("x.b.example.com", Some(2)),
            ("x.a.example.com", Some(3)),
            ("example.com", None),
            ("notexample.com", None),
            ("y.b.test", None),
            ("x.b.test", Some(4)),
        ] {
            let domain = Domain::from_ascii(domain).unwrap();
            assert_eq!(all.refresh_every(&domain), expected.map(|n| Duration::from_secs(3600 * n)), "{domain}");
        }
        let rule = all.get(&Domain::from_ascii("y.b.test").unwrap());
        assert!(matches!(rule, Some(Rule::Exempt)));
    }

    #[test]
    fn a_static_policy_is_read_as_one_that_was_fetched() {
        let all = Overrides::new([("bücher.example", enforce(&["MX.example", "*.example.net"]))]).unwrap();
        let rule = all.get(&Domain::from_ascii("xn--bcher-kva.example").unwrap());
        let Some(Rule::Policy(policy)) = rule else { panic!() };
        assert!(
            policy.mode() == Mode::Enforce && policy.permits_mx("a.example.net") && policy.permits_mx("mx.example")
        );
        let none = Override::Policy(StaticPolicy { mode: Mode::None, mx: Vec::new() });
        assert!(Overrides::new([("example.com", none)]).is_ok());
    }

    #[test]
    fn a_bad_override_says_which_it_is_and_what_is_wrong() {
        let error = |name, given| Overrides::new([(name, given)]).unwrap_err().to_string();
        for (name, given, expected) in [
            ("a b", Override::Exempt, "override \"a b\": not a domain, nor a dot and a domain: "),
            (".", Override::Exempt, "override \".\": not a domain"),
            ("192.0.2.1", Override::Exempt, "override \"192.0.2.1\": not a domain"),
            ("a.test", enforce(&[]), "override \"a.test\": a policy needs at least one MX pattern"),
            (
                "a.test",
                enforce(&["mx.test", "x\nmode: none"]),
                "override \"a.test\": bad MX pattern \"x\\nmode: none\": ",
            ),
            ("a.test", enforce(&["*"]), "override \"a.test\": bad MX pattern \"*\": "),
            ("a.test", enforce(&["NextHop"]), "override \"a.test\": bad MX pattern \"NextHop\": Postfix takes it"),
            ("a.test", hours(0), "override \"a.test\": the time between refreshes must be more than zero"),
        ] {
            let error = error(name, given);
            assert!(error.starts_with(expected), "{error}");
        }
        let twice = Overrides::new([("a.test", Override::Exempt), ("A.test.", hours(1))]);
        assert_eq!(twice.unwrap_err().kind, OverrideErrorKind::Twice);
    }
}
