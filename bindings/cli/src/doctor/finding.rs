//! What was looked at and found, what it means, and what to do.

use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    /// A short name that does not change.
    pub(super) check: &'static str,
    pub(super) status: Status,
    /// What was looked at.
    pub(super) looked_at: String,
    pub(super) found: String,
    pub(super) means: Option<String>,
    pub(super) fix: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    /// It works, with a risk.
    Warn,
    /// Mail waits, or goes out without MTA-STS.
    Fail,
    /// It was not looked at, since there is nothing to look at.
    Skip,
    /// It was looked at in vain.
    Unknown,
}

impl Finding {
    pub(super) fn ok(check: &'static str, looked_at: impl Into<String>, found: impl Into<String>) -> Self {
        let (looked_at, found) = (looked_at.into(), found.into());
        Self { check, status: Status::Ok, looked_at, found, means: None, fix: None }
    }

    pub(super) fn warn(check: &'static str, looked_at: impl Into<String>, found: impl Into<String>) -> Self {
        Self { status: Status::Warn, ..Self::ok(check, looked_at, found) }
    }

    pub(super) fn fail(check: &'static str, looked_at: impl Into<String>, found: impl Into<String>) -> Self {
        Self { status: Status::Fail, ..Self::ok(check, looked_at, found) }
    }

    pub(super) fn skip(check: &'static str, looked_at: impl Into<String>, found: impl Into<String>) -> Self {
        Self { status: Status::Skip, ..Self::ok(check, looked_at, found) }
    }

    pub(super) fn unknown(check: &'static str, looked_at: impl Into<String>, found: impl Into<String>) -> Self {
        Self { status: Status::Unknown, ..Self::ok(check, looked_at, found) }
    }

    pub(super) fn means(self, means: impl Into<String>) -> Self {
        Self { means: Some(means.into()), ..self }
    }

    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }
}
