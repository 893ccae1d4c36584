//! The `_mta-sts` TXT record. RFC 8461 §3.1.

use crate::{
    fields::{self, Field, RecordProblem, Selected},
    txt::TxtRecords,
};
use core::{error::Error, fmt};

/// A valid `_mta-sts` record: it says that there is a policy, and which version of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct StsRecord {
    /// The policy's id. When it changes, the policy has changed.
    pub id: RecordId,
}

impl StsRecord {
    /// Finds the one valid record in the TXT RRset of `_mta-sts.<policy domain>`.
    ///
    /// # Errors
    /// [`RecordError`]. RFC 8461 §3.1: the domain then has no policy to discover, which does not
    /// end the life of one that is cached (§5.1).
    pub fn from_rrset(rrset: &TxtRecords) -> Result<Self, RecordError> {
        examine(rrset, &mut |_| {})
    }
}

/// Reads the RRset, and tells `found` every problem rather than only the first.
pub(crate) fn examine(
    rrset: &TxtRecords,
    found: &mut dyn FnMut(RecordProblem<RecordErrorKind>),
) -> Result<StsRecord, RecordError> {
    let (record, text, rest) = match fields::select(rrset, "v=STSv1") {
        Selected::None => return Err(RecordError::NotFound),
        Selected::Several(count) => return Err(RecordError::Several { count }),
        Selected::One { record, text, fields } => (record, text, fields),
    };
    let mut first_error = None;
    let mut note = |kind, Field { at, text }: Field<'_>| {
        found(RecordProblem { record, kind, start: at, end: at + text.len() });
        // RFC 8461 §3.2, last paragraph: of a duplicated field only the first counts.
        if kind != RecordErrorKind::DuplicateId {
            first_error.get_or_insert(RecordError::Syntax { kind, at });
        }
    };
    let mut id: Option<Option<RecordId>> = None;
    for field in fields::fields(text, rest) {
        match field.value_of("id") {
            Some(_) if id.is_some() => note(RecordErrorKind::DuplicateId, field),
            Some(value) => {
                id = Some(RecordId::new(value));
                if id == Some(None) {
                    note(RecordErrorKind::BadId, field);
                }
            }
            None if field.text.is_empty() => note(RecordErrorKind::EmptyField, field),
            None if !field.is_extension() => note(RecordErrorKind::BadField, field),
            None => {}
        }
    }
    if id.is_none() {
        note(RecordErrorKind::NoId, Field { at: text.len(), text: b"" });
    }
    match (first_error, id.flatten()) {
        (None, Some(id)) => Ok(StsRecord { id }),
        (error, _) => Err(error.unwrap_or(RecordError::NotFound)),
    }
}

/// The id of a policy: 1 to 32 letters and digits, opaque and case-sensitive. RFC 8461 §3.1.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RecordId {
    text: [u8; Self::MAX_LEN],
    len: u8,
}

impl RecordId {
    /// The longest id, in octets.
    pub const MAX_LEN: usize = 32;

    /// `None` unless `id` is 1*32(ALPHA / DIGIT).
    #[must_use]
    pub fn new(id: impl AsRef<[u8]>) -> Option<Self> {
        let id = id.as_ref();
        let valid = (1..=Self::MAX_LEN).contains(&id.len()) && id.iter().all(u8::is_ascii_alphanumeric);
        valid.then(|| {
            let mut text = [0; Self::MAX_LEN];
            text[..id.len()].copy_from_slice(id);
            Self { text, len: u8::try_from(id.len()).unwrap_or_default() }
        })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Why an RRset holds no usable record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RecordError {
    /// No record begins with `v=STSv1;`.
    NotFound,
    /// More than one record begins with `v=STSv1;`.
    Several {
        /// How many do.
        count: usize,
    },
    /// The one record is not what the grammar allows.
    Syntax {
        /// What is wrong first.
        kind: RecordErrorKind,
        /// Where, in octets from the start of the joined record.
        at: usize,
    },
}

/// What can be wrong inside an `_mta-sts` record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RecordErrorKind {
    /// A field that is not `name=value` in the characters allowed.
    BadField,
    /// The `id` is not 1 to 32 letters and digits.
    BadId,
    /// A second `id`: ignored, never an error of its own.
    DuplicateId,
    /// Nothing between two semicolons.
    EmptyField,
    /// No `id`.
    NoId,
}

impl RecordError {
    /// Its name for programs, such as `not-found` or `bad-id`. Names never change.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Several { .. } => "several",
            Self::Syntax { kind, .. } => match kind {
                RecordErrorKind::BadField => "bad-field",
                RecordErrorKind::BadId => "bad-id",
                RecordErrorKind::DuplicateId => "duplicate-id",
                RecordErrorKind::EmptyField => "empty-field",
                RecordErrorKind::NoId => "no-id",
            },
        }
    }

    /// Where, in octets from the start of the joined record, if it is in one.
    #[must_use]
    pub const fn at(self) -> Option<usize> {
        match self {
            Self::Syntax { at, .. } => Some(at),
            _ => None,
        }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no record begins with \"v=STSv1;\""),
            Self::Several { count } => write!(f, "{count} records begin with \"v=STSv1;\", there must be one"),
            Self::Syntax { kind, at } => write!(f, "{kind} at octet {at} of the record"),
        }
    }
}

impl fmt::Display for RecordErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadField => "a field that is not name=value",
            Self::BadId => "an id that is not 1 to 32 letters and digits",
            Self::DuplicateId => "a second id",
            Self::EmptyField => "an empty field",
            Self::NoId => "no id",
        })
    }
}

impl Error for RecordError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(rrset: &[&str]) -> Result<std::string::String, RecordError> {
        use std::string::ToString;
        StsRecord::from_rrset(&TxtRecords::from_iter(rrset.iter().map(|r| [r]))).map(|r| r.id.to_string())
    }

    #[test]
    fn one_valid_record_among_others_counts() {
        assert_eq!(id(&["v=spf1 -all", "v=STSv1; id=a1;", " v=STSv1; id=b"]).unwrap(), "a1");
        assert_eq!(id(&["v=STSv1;id=a;"]).unwrap(), "a");
        assert_eq!(id(&["v=STSv1 ; x=y ;\tid=a ;  "]).unwrap(), "a");
    }

    #[test]
    fn two_records_are_none() {
        assert_eq!(id(&["v=STSv1; id=a", "v=STSv1; id=b"]), Err(RecordError::Several { count: 2 }));
        assert_eq!(id(&["v=STSv1;", "id=a"]), Err(RecordError::Syntax { kind: RecordErrorKind::NoId, at: 8 }));
    }

    #[test]
    fn syntax_errors_say_what_and_where() {
        use RecordErrorKind::*;
        for (record, kind, at) in [
            ("v=STSv1;", NoId, 8),
            ("v=STSv1; id=a-b", BadId, 9),
            ("v=STSv1; id=a\t", BadId, 9),
            ("v=STSv1; id=a;;", EmptyField, 14),
            ("v=STSv1; id=a; bogus", BadField, 15),
            ("v=STSv1; id=a; x=", BadField, 15),
            ("v=STSv1; id=a; _x=1", BadField, 15),
            ("v=STSv1; id=x-y; id=a", BadId, 9),
        ] {
            assert_eq!(id(&[record]), Err(RecordError::Syntax { kind, at }), "{record}");
        }
        assert_eq!(id(&["v=STSv10; id=a"]), Err(RecordError::NotFound));
    }

    #[test]
    fn the_first_id_counts_and_a_later_one_need_not_be_valid() {
        assert_eq!(id(&["v=STSv1; id=a; id=x-y"]).unwrap(), "a");
    }

    #[test]
    fn an_id_has_1_to_32_letters_and_digits() {
        assert!(RecordId::new("a".repeat(32)).is_some());
        assert!(RecordId::new("a".repeat(33)).is_none());
        assert!(RecordId::new("").is_none());
        assert!(RecordId::new("é").is_none());
    }
}
