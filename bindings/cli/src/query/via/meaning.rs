//! What Postfix makes of a reply: smtp_tls_policy_maps in postconf(5).

use super::client::Asked;
use crate::output::words;
use mta_sts_core::socketmap::Reply;

/// What becomes of mail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// It goes out over TLS with a verified certificate only.
    Verified,
    /// It goes out over TLS, or without, to whoever answers.
    Encrypted,
    /// Postfix goes by its other settings.
    OwnSettings,
    /// It waits in the queue.
    Deferred,
}

impl Fate {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Encrypted => "encrypted",
            Self::OwnSettings => "own-settings",
            Self::Deferred => "deferred",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Meaning {
    /// `None`: it is not for Postfix.
    pub(crate) fate: Option<Fate>,
    /// If mail waits: it may get better by itself.
    pub(crate) is_temporary: bool,
    /// A sentence; not escaped.
    pub(crate) words: String,
    /// What else is to know; not escaped.
    pub(crate) notes: Vec<String>,
}

impl Meaning {
    pub(crate) fn of(asked: &Asked) -> Self {
        match asked.parsed() {
            Some(Reply::Ok(value)) => of_value(&String::from_utf8_lossy(value)),
            Some(Reply::NotFound) => Self::new(
                Fate::OwnSettings,
                "there is no policy to enforce: Postfix tries further tables, and then goes by its \
                 smtp_tls_security_level",
            ),
            Some(Reply::Temp(reason) | Reply::Timeout(reason)) => Self {
                is_temporary: true,
                ..Self::new(Fate::Deferred, format!("Postfix defers the mail and tries again later{}", because(reason)))
            },
            Some(Reply::Perm(reason)) => Self::new(
                Fate::Deferred,
                format!("Postfix takes it for an error in its configuration and defers the mail{}", because(reason)),
            ),
            None => Self::new(Fate::Deferred, "no socketmap reply begins like this: Postfix defers the mail"),
        }
    }

    /// Of the map that C clients ask.
    pub(crate) fn of_policy_map(asked: &Asked) -> Self {
        let words = match asked.parsed() {
            Some(Reply::Ok(_)) => "a policy in the form that C clients read; not for Postfix",
            Some(Reply::NotFound) => "there is no policy, or the server has no such map",
            _ => "the server could not tell",
        };
        let fate = (!matches!(asked.parsed(), Some(Reply::Ok(_) | Reply::NotFound))).then_some(Fate::Deferred);
        Self { fate, is_temporary: true, words: words.to_owned(), notes: Vec::new() }
    }

    fn new(fate: Fate, words: impl Into<String>) -> Self {
        Self { fate: Some(fate), is_temporary: false, words: words.into(), notes: Vec::new() }
    }
}

fn because(reason: &[u8]) -> String {
    let reason = String::from_utf8_lossy(reason);
    if reason.is_empty() { String::new() } else { format!("; it logs the reason: {reason}") }
}

/// A TLS policy: a level and attributes.
fn of_value(value: &str) -> Meaning {
    let mut tokens = tokens(value).into_iter();
    let level = tokens.next().unwrap_or_default();
    let attributes: Vec<(String, String)> = tokens
        .filter_map(|word| {
            let (name, value) = word.split_once('=')?;
            Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let all = |name: &str| -> Vec<&str> {
        attributes.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str()).collect()
    };
    let matches: Vec<&str> = all("match").into_iter().flat_map(|value| value.split(':')).collect();
    let mut meaning = match level.as_str() {
        "secure" | "verify" | "fingerprint" if all("match").contains(&"") => {
            Meaning::new(Fate::Deferred, "an empty match is an error to Postfix: it defers the mail")
        }
        "secure" | "verify" => {
            let names = if matches.is_empty() {
                "the names that Postfix is set to match".to_owned()
            } else {
                matches.iter().map(|name| in_words(name)).collect::<Vec<_>>().join(" or ")
            };
            Meaning::new(
                Fate::Verified,
                format!(
                    "mail goes out only over TLS, to hosts with a valid certificate for {names}; all else is deferred"
                ),
            )
        }
        "dane-only" => Meaning::new(
            Fate::Verified,
            "mail goes out only over TLS that DANE vouches for; Postfix needs smtp_dns_support_level = dnssec for it, \
             else it defers the mail",
        ),
        "dane" => Meaning::new(
            Fate::Verified,
            "hosts with TLSA records get mail only over TLS that DANE vouches for; Postfix needs \
             smtp_dns_support_level = dnssec for it",
        ),
        "fingerprint" => Meaning::new(Fate::Verified, "mail goes out only to hosts whose certificate was named"),
        "encrypt" => Meaning::new(Fate::Encrypted, "mail goes out only over TLS, whatever the certificate is"),
        "may" => {
            Meaning::new(Fate::Encrypted, "mail goes out over TLS where it is offered, whatever the certificate is")
        }
        "none" => Meaning::new(Fate::Encrypted, "mail goes out without TLS"),
        _ => Meaning::new(Fate::Deferred, "Postfix knows no such security level and defers the mail"),
    };
    if !all("servername").is_empty() {
        meaning
            .notes
            .push("servername (the host's name as SNI) needs Postfix 3.4; older ones defer the mail".to_owned());
    }
    if !all("policy_type").is_empty() {
        let patterns = words::count(all("mx_host_pattern").len() as u64, "MX pattern");
        meaning.notes.push(format!(
            "with the attributes for TLS reports ({patterns}), which need Postfix 3.10; older ones defer the mail"
        ));
    }
    meaning
}

/// A name of `match=` in words.
fn in_words(name: &str) -> String {
    match name.strip_prefix('.') {
        Some(parent) => format!("a name below {parent}"),
        None => name.to_owned(),
    }
}

/// Words with white space or commas between them; braces hold one together.
fn tokens(value: &str) -> Vec<String> {
    let (mut tokens, mut token, mut depth) = (Vec::new(), String::new(), 0_usize);
    for c in value.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 && (c.is_ascii_whitespace() || c == ',') => {
                if !token.is_empty() {
                    tokens.push(core::mem::take(&mut token));
                }
            }
            _ => token.push(c),
        }
    }
    if !token.is_empty() {
        tokens.push(token);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn of(reply: &str) -> Meaning {
        Meaning::of(&Asked { reply: reply.as_bytes().to_vec(), took: Duration::ZERO })
    }

    #[test]
    fn every_reply_has_a_fate() {
        for (reply, fate) in [
            ("OK secure match=mx.example.com:.example.com servername=hostname", Fate::Verified),
            ("OK secure match=a.test { policy_string = mx: dane none }", Fate::Verified),
            ("OK secure match= servername=hostname", Fate::Deferred),
            ("OK dane-only ", Fate::Verified),
            ("OK dane", Fate::Verified),
            ("OK encrypt", Fate::Encrypted),
            ("OK may", Fate::Encrypted),
            ("OK ", Fate::Deferred),
            ("OK safe", Fate::Deferred),
            ("NOTFOUND ", Fate::OwnSettings),
            ("NOTFOUND", Fate::OwnSettings),
            ("TEMP later", Fate::Deferred),
            ("TIMEOUT ", Fate::Deferred),
            ("PERM no such map", Fate::Deferred),
            ("HELLO", Fate::Deferred),
        ] {
            assert_eq!(of(reply).fate, Some(fate), "{reply}");
        }
        assert!(of("TEMP later").is_temporary && !of("PERM x").is_temporary);
        assert!(of("TEMP later").words.ends_with("the reason: later"));
    }

    #[test]
    fn names_and_versions_are_told() {
        let meaning =
            of("OK secure match=mx.a.test:.b.test servername=hostname policy_type=sts mx_host_pattern=*.b.test");
        assert!(meaning.words.contains("for mx.a.test or a name below b.test;"), "{meaning:?}");
        assert!(meaning.notes[0].contains("3.4") && meaning.notes[1].contains("(1 MX pattern)"));
    }
}
