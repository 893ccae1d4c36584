//! A TXT RRset as DNS answered it.

use alloc::vec::Vec;

/// The TXT records of one owner name, each with its character-strings joined.
///
/// RFC 8461 §3.1 and RFC 8460 §3: the strings of one record are concatenated without adding
/// spaces; records are never joined with each other.
/// ```
/// # use mta_sts_core::{StsRecord, TxtRecords};
/// let answer = TxtRecords::from_iter([["v=STSv1; id=2016", "0831;"]]);
/// assert_eq!(StsRecord::from_rrset(&answer)?.id.as_str(), "20160831");
/// # Ok::<(), mta_sts_core::RecordError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TxtRecords(Vec<Vec<u8>>);

impl TxtRecords {
    /// No record yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one record, given as its character-strings.
    pub fn push<S: AsRef<[u8]>>(&mut self, strings: impl IntoIterator<Item = S>) {
        let mut joined = Vec::new();
        strings.into_iter().for_each(|s| joined.extend_from_slice(s.as_ref()));
        self.0.push(joined);
    }

    /// The records, each as one piece.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<R, S> FromIterator<R> for TxtRecords
where
    R: IntoIterator<Item = S>,
    S: AsRef<[u8]>,
{
    fn from_iter<T: IntoIterator<Item = R>>(records: T) -> Self {
        let mut set = Self::new();
        records.into_iter().for_each(|record| set.push(record));
        set
    }
}
