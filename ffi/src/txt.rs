//! TXT RRsets, and the record of MTA-STS in them.

use crate::{
    codes::{
        MTASTS_E_ABSENT, MTASTS_E_FORMAT, MTASTS_E_NO_RECORD, MTASTS_E_RECORD, MTASTS_E_SEVERAL_RECORDS,
        MTASTS_E_TOO_LARGE, MTASTS_RECORD_BAD_FIELD, MTASTS_RECORD_BAD_ID, MTASTS_RECORD_EMPTY_FIELD,
        MTASTS_RECORD_NO_ID, MTASTS_RECORD_OTHER, mtasts_record_problem, mtasts_result,
    },
    guard::{Given, Object, Result, fill, guard, octets, opaque, out},
    text::CText,
};
use core::{ffi::c_char, mem::MaybeUninit};
use mta_sts_core::{RecordError, StsRecord, TxtRecords, record::RecordErrorKind};

/// The TXT records of one owner name, as DNS answered them.
pub struct mtasts_txt(Object<TxtSet>);

opaque!(mtasts_txt => TxtSet);

/// A TXT RRset that is no larger than a DNS message.
#[derive(Default)]
pub(crate) struct TxtSet {
    records: TxtRecords,
    octets: usize,
}

impl TxtSet {
    /// RFC 1035 section 4.2.2: a message has at most 65535 octets, of which a record takes 11 at least.
    const MAX_OCTETS: usize = 65_535;
    const RECORD_OVERHEAD: usize = 11;

    pub(crate) fn records(&self) -> &TxtRecords {
        &self.records
    }

    fn make_room(&mut self, octets: usize) -> Result<()> {
        let octets = self.octets.saturating_add(octets).saturating_add(Self::RECORD_OVERHEAD);
        if octets > Self::MAX_OCTETS {
            return Err(MTASTS_E_TOO_LARGE);
        }
        self.octets = octets;
        Ok(())
    }

    /// Adds a record whose strings are joined already.
    pub(crate) fn add(&mut self, record: &[u8]) -> Result<()> {
        self.make_room(record.len())?;
        self.records.push([record]);
        Ok(())
    }

    /// Adds a record in DNS form. RFC 1035 section 3.3.14: one or more character-strings.
    pub(crate) fn add_rdata(&mut self, rdata: &[u8]) -> Result<()> {
        let mut strings = Vec::new();
        let mut rest = rdata;
        while let Some((&len, after)) = rest.split_first() {
            let (string, after) = after.split_at_checked(len.into()).ok_or(MTASTS_E_FORMAT)?;
            strings.push(string);
            rest = after;
        }
        if strings.is_empty() {
            return Err(MTASTS_E_FORMAT);
        }
        self.make_room(rdata.len())?;
        self.records.push(strings);
        Ok(())
    }
}

/// Makes an RRset without records.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_txt_new(txt: Option<&mut MaybeUninit<*mut mtasts_txt>>) -> mtasts_result {
    guard(|| {
        out(txt)?.write(mtasts_txt::boxed(TxtSet::default()));
        Ok(())
    })
}

/// Adds a record, given as its character-strings joined without spaces (RFC 8461 section 3.1).
/// Records are never joined with each other.
///
/// MTASTS_E_TOO_LARGE if the records no longer fit into a DNS message: the answer is broken, and
/// it is not known what the domain says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_txt_add(
    txt: Option<&mut mtasts_txt>,
    record: *const c_char,
    record_len: usize,
) -> mtasts_result {
    guard(|| txt.given()?.add(octets!(record, record_len)))
}

/// Adds a record as it stands in a DNS message: its RDATA, where a length precedes each
/// character-string. MTASTS_E_FORMAT if the lengths do not add up; else as mtasts_txt_add().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_txt_add_rdata(
    txt: Option<&mut mtasts_txt>,
    rdata: *const u8,
    rdata_len: usize,
) -> mtasts_result {
    guard(|| txt.given()?.add_rdata(octets!(rdata, rdata_len)))
}

/// The id in the one valid _mta-sts record (RFC 8461 section 3.1). A lookup does this itself.
///
/// MTASTS_E_NO_RECORD, MTASTS_E_SEVERAL_RECORDS or MTASTS_E_RECORD: there is no policy to
/// discover. The text with its NUL, at most 33 octets, goes into `buf`; with `buf` NULL and `cap`
/// 0 only `need` is written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_txt_sts_id(
    txt: Option<&mtasts_txt>,
    buf: *mut c_char,
    cap: usize,
    need: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        let (txt, need) = (txt.given()?, out(need)?);
        let record = StsRecord::from_rrset(txt.records()).map_err(|error| match error {
            RecordError::NotFound => MTASTS_E_NO_RECORD,
            RecordError::Several { .. } => MTASTS_E_SEVERAL_RECORDS,
            _ => MTASTS_E_RECORD,
        })?;
        fill!(buf, cap, need, CText::new(record.id.as_str()).octets_with_nul())
    })
}

/// What is wrong inside the one _mta-sts record, and at which octet of the joined record (from 0).
/// MTASTS_E_ABSENT if mtasts_txt_sts_id() does not answer MTASTS_E_RECORD.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_txt_sts_problem(
    txt: Option<&mtasts_txt>,
    problem: Option<&mut MaybeUninit<mtasts_record_problem>>,
    at: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        let (problem, at) = (out(problem)?, out(at)?);
        match StsRecord::from_rrset(txt.given()?.records()) {
            Err(RecordError::Syntax { kind, at: octet }) => {
                problem.write(match kind {
                    RecordErrorKind::BadField => MTASTS_RECORD_BAD_FIELD,
                    RecordErrorKind::BadId => MTASTS_RECORD_BAD_ID,
                    RecordErrorKind::EmptyField => MTASTS_RECORD_EMPTY_FIELD,
                    RecordErrorKind::NoId => MTASTS_RECORD_NO_ID,
                    _ => MTASTS_RECORD_OTHER,
                });
                at.write(octet);
                Ok(())
            }
            _ => Err(MTASTS_E_ABSENT),
        }
    })
}

/// Frees an RRset.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_txt_free(txt: Option<Box<mtasts_txt>>) {
    guard(|| {
        drop(txt);
        Ok(())
    });
}
