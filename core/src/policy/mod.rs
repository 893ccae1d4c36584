//! The policy: what a domain promises about its MX hosts. RFC 8461 §3.2.

mod lines;
mod problem;

pub use lines::{Key, Line, LineKind, Lines};
pub use problem::{PolicyError, PolicyErrorKind, Position, Problem, ProblemKind};

use crate::{
    few::Few,
    mx::{MxHost, MxPattern},
};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;

/// A valid policy. It keeps the text it was read from.
/// ```
/// # use mta_sts_core::{Mode, Policy};
/// let policy = Policy::parse(b"version: STSv1\r\nmode: enforce\r\nmx: *.example.net\r\nmax_age: 86400\r\n")?;
/// assert_eq!(policy.mode(), Mode::Enforce);
/// assert_eq!(policy.max_age(), 86_400);
/// assert!(policy.permits_mx("mx1.example.net"));
/// # Ok::<(), mta_sts_core::PolicyError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Policy {
    text: Box<[u8]>,
    mode: Mode,
    max_age: u32,
    mx: Few<PatternSpan>,
}

/// What a sender does with a host that fails the policy. RFC 8461 §5.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Mode {
    /// It must not deliver to that host.
    Enforce,
    /// It delivers, and reports the failure (RFC 8460).
    Testing,
    /// As if there were no policy; this is how a domain leaves MTA-STS (§8.3).
    None,
}

/// Where a pattern's name stands in the text.
#[derive(Clone, Copy, Eq, PartialEq)]
struct PatternSpan {
    start: u32,
    len: u8,
    wildcard: bool,
}

impl Policy {
    /// The largest policy body, in octets. RFC 8461 §3.3 suggests 64 kilobytes.
    pub const MAX_SIZE: usize = 65_536;
    /// The longest life of a policy, in seconds (one year). RFC 8461 §3.2.
    pub const MAX_MAX_AGE: u32 = 31_557_600;

    /// Reads a policy body of at most [`Policy::MAX_SIZE`] octets.
    ///
    /// # Errors
    /// [`PolicyError`]: what makes the policy invalid first, and its octet offset. [`examine`]
    /// gives all problems.
    pub fn parse(body: &[u8]) -> Result<Self, PolicyError> {
        Self::parse_within(body, Self::MAX_SIZE)
    }

    /// Reads a policy body of at most `max_size` octets.
    pub(crate) fn parse_within(body: &[u8], max_size: usize) -> Result<Self, PolicyError> {
        if cfg!(target_family = "wasm") {
            // There one reader for all is worth more than its speed, since people download it.
            let ignored: &mut dyn FnMut(Problem) = &mut |_| {};
            return read(body, max_size, ignored);
        }
        read(body, max_size, &mut |_| {})
    }

    /// What a sender does with a host that fails.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// For how many seconds after the fetch the policy is valid; at most [`Policy::MAX_MAX_AGE`].
    #[must_use]
    pub fn max_age(&self) -> u32 {
        self.max_age
    }

    /// The valid MX patterns, in the policy's order.
    pub fn mx(&self) -> impl ExactSizeIterator<Item = MxPattern<'_>> {
        self.mx.iter().map(|span| span.pattern(&self.text))
    }

    /// Whether the policy allows the MX host `host` (the name in the MX record, in A-labels).
    ///
    /// RFC 8461 §4.1. The mode does not matter here. Allocates nothing.
    #[must_use]
    pub fn permits_mx(&self, host: impl AsRef<[u8]>) -> bool {
        self.matching_pattern(host).is_some()
    }

    /// The first pattern that allows the MX host `host`. Allocates nothing.
    #[must_use]
    pub fn matching_pattern(&self, host: impl AsRef<[u8]>) -> Option<MxPattern<'_>> {
        self.pattern_for(host.as_ref())
    }

    /// Not generic: it is compiled here, as fast as the rest, and not as its caller is.
    fn pattern_for(&self, host: &[u8]) -> Option<MxPattern<'_>> {
        let host = MxHost::parse(host)?;
        self.mx().find(|pattern| pattern.matches_host(host))
    }

    /// The text of the policy as it was served.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The lines that may be handed on into other syntaxes, such as TLSRPT's `policy-string`: the
    /// understood fields (of duplicates the first, of MX patterns the valid ones) and well-formed
    /// extensions without quotes, braces or control characters. Name and value.
    pub fn safe_lines(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut seen = [false; 3];
        Lines::new(&self.text).filter_map(move |line| {
            let value = core::str::from_utf8(line.value).ok()?;
            let first = |i: usize, seen: &mut [bool; 3]| !core::mem::replace(&mut seen[i], true);
            let name = match line.kind {
                LineKind::Field(Key::Version) => first(0, &mut seen).then_some("version"),
                LineKind::Field(Key::Mode) => first(1, &mut seen).then_some("mode"),
                LineKind::Field(Key::MaxAge) => first(2, &mut seen).then_some("max_age"),
                LineKind::Field(Key::Mx) => MxPattern::parse(line.value).is_ok().then_some("mx"),
                LineKind::Extension => core::str::from_utf8(line.name)
                    .ok()
                    .filter(|_| !value.contains(|c: char| c.is_control() || matches!(c, '{' | '}' | '"'))),
                _ => None,
            };
            Some((name?, value))
        })
    }
}

impl PatternSpan {
    /// The span of `pattern`, which was read from the value at `start`.
    fn new(start: usize, pattern: MxPattern<'_>) -> Self {
        let wildcard = pattern.is_wildcard();
        let start = start + if wildcard { 2 } else { 0 };
        // A policy is no longer than a u32 says, and a name no longer than 253 octets.
        Self { start: start as u32, len: pattern.name_bytes().len() as u8, wildcard }
    }

    fn pattern(self, text: &[u8]) -> MxPattern<'_> {
        let start = self.start as usize;
        MxPattern::checked(self.wildcard, &text[start..start + usize::from(self.len)])
    }
}

/// Everything there is to say about a policy body.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The verdict, the same as [`Policy::parse`] gives.
    pub policy: Result<Policy, PolicyError>,
    /// The problems in the order of the text; those of the policy as a whole come last. The first
    /// [`Examination::MAX_PROBLEMS`], and all that make the policy invalid.
    pub problems: Vec<Problem>,
    /// How many more problems there are than `problems` holds.
    pub omitted: usize,
}

impl Examination {
    /// So many problems are listed; more are only counted.
    pub const MAX_PROBLEMS: usize = 250;
}

/// Reads a policy body and lists all of its problems, not only the first.
#[must_use]
pub fn examine(body: &[u8]) -> Examination {
    let (mut problems, mut omitted) = (Vec::new(), 0);
    let mut found = |problem: Problem| {
        // What makes the policy invalid is never omitted; there are only a few such problems.
        if problems.len() < Examination::MAX_PROBLEMS || matches!(problem.kind, ProblemKind::Invalid(_)) {
            problems.push(problem);
        } else {
            omitted += 1;
        }
    };
    let policy = if cfg!(target_family = "wasm") {
        let found: &mut dyn FnMut(Problem) = &mut found;
        read(body, Policy::MAX_SIZE, found)
    } else {
        read(body, Policy::MAX_SIZE, &mut found)
    };
    Examination { policy, problems, omitted }
}

/// The one reader of policies: for enforcement `found` does nothing and costs nothing.
fn read<F: FnMut(Problem) + ?Sized>(body: &[u8], max_size: usize, found: &mut F) -> Result<Policy, PolicyError> {
    use PolicyErrorKind as Kind;
    let mut errors = Errors { found, first: None };
    // RFC 8461 §3.3: a limit is allowed. A body over it fails; it is never cut and read.
    if body.len() > max_size.min(u32::MAX as usize) {
        return Err(errors.invalid(Kind::TooLarge, max_size, body.len()));
    }
    let mut bad_mx: Option<PolicyError> = None;
    let (mut version, mut mode, mut max_age) = (None, None, None);
    let mut mx = Few::new();
    let mut lines = Lines::new(body);
    while let Some(line) = lines.advance() {
        let (start, end) = (line.value_start, line.end());
        // RFC 8461 §3.2: of every field but "mx" all entries except for the first are ignored, and
        // so is what is not understood.
        let ignored = match line.kind {
            LineKind::Field(Key::Mx) => {
                match MxPattern::parse(line.value) {
                    Ok(pattern) => mx.push(PatternSpan::new(start, pattern)),
                    Err(e) => {
                        errors.note(ProblemKind::BadMx(e.kind), start + e.at, end);
                        bad_mx.get_or_insert(PolicyError { kind: Kind::BadMx(e.kind), at: start + e.at });
                    }
                }
                None
            }
            LineKind::Field(Key::Version) if version.is_none() => {
                version = Some(());
                if line.value != b"STSv1" {
                    errors.invalid(Kind::BadVersion, start, end);
                }
                None
            }
            LineKind::Field(Key::Mode) if mode.is_none() => {
                mode = Some(Mode::parse(line.value));
                if mode == Some(None) {
                    errors.invalid(Kind::BadMode, start, end);
                }
                None
            }
            LineKind::Field(Key::MaxAge) if max_age.is_none() => {
                max_age = Some(parse_max_age(line.value));
                match max_age {
                    Some(Some((_, clamped))) => clamped.then_some(ProblemKind::MaxAgeClamped),
                    _ => {
                        errors.invalid(Kind::BadMaxAge, start, end);
                        None
                    }
                }
            }
            kind => ProblemKind::of_ignored(kind),
        };
        if let Some(kind) = ignored {
            errors.note(kind, line.start, end);
        }
    }
    for (missing, kind) in
        [(version.is_none(), Kind::NoVersion), (mode.is_none(), Kind::NoMode), (max_age.is_none(), Kind::NoMaxAge)]
    {
        if missing {
            errors.invalid(kind, body.len(), body.len());
        }
    }
    // RFC 8461 §3.2: mx is required at least once, except when mode is "none". A bad pattern
    // beside good ones is dropped: it matches nothing, and the good ones still protect.
    if mx.is_empty() && mode != Some(Some(Mode::None)) {
        match bad_mx {
            Some(error) => errors.first = errors.first.or(Some(error)),
            None => drop(errors.invalid(Kind::NoMx, body.len(), body.len())),
        }
    }
    match (errors.first, mode.flatten(), max_age.flatten()) {
        (None, Some(mode), Some((max_age, _))) => Ok(Policy { text: body.into(), mode, max_age, mx }),
        (error, ..) => Err(error.unwrap_or(PolicyError { kind: Kind::NoMode, at: body.len() })),
    }
}

/// What was found so far: told to the caller, and the first error kept.
struct Errors<'f, F: ?Sized> {
    found: &'f mut F,
    first: Option<PolicyError>,
}

impl<F: FnMut(Problem) + ?Sized> Errors<'_, F> {
    fn note(&mut self, kind: ProblemKind, start: usize, end: usize) {
        (self.found)(Problem { kind, start, end });
    }

    fn invalid(&mut self, kind: PolicyErrorKind, start: usize, end: usize) -> PolicyError {
        self.note(ProblemKind::Invalid(kind), start, end);
        *self.first.get_or_insert(PolicyError { kind, at: start })
    }
}

/// RFC 8461 §3.2: 1*10(DIGIT), at most 31557600; and whether more than that was given. `None` if
/// it is anything else.
fn parse_max_age(value: &[u8]) -> Option<(u32, bool)> {
    if !(1..=10).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = value.iter().fold(0, |n: u64, digit| n * 10 + u64::from(digit - b'0'));
    let clamped = u32::try_from(seconds).unwrap_or(u32::MAX).min(Policy::MAX_MAX_AGE);
    Some((clamped, seconds > clamped.into()))
}

impl Mode {
    fn parse(value: &[u8]) -> Option<Self> {
        match value {
            b"enforce" => Some(Self::Enforce),
            b"testing" => Some(Self::Testing),
            b"none" => Some(Self::None),
            _ => None,
        }
    }

    /// The word that stands in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Shows the understood fields, never the text from the wire.
impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mx: Vec<_> = self.mx().map(|pattern| alloc::format!("{pattern}")).collect();
        f.debug_struct("Policy").field("mode", &self.mode).field("max_age", &self.max_age).field("mx", &mx).finish()
    }
}

#[cfg(test)]
mod tests;
