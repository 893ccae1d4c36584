//! Where TLSRPT reports go. RFC 8460 section 3.

use crate::{
    codes::{
        MTASTS_E_ABSENT, MTASTS_E_NO_RECORD, MTASTS_E_RECORD, MTASTS_E_SEVERAL_RECORDS, MTASTS_RECORD_BAD_FIELD,
        MTASTS_RECORD_BAD_URI, MTASTS_RECORD_EMPTY_FIELD, MTASTS_RECORD_NO_RUA, MTASTS_RECORD_NO_USABLE_URI,
        MTASTS_RECORD_OTHER, mtasts_record_problem, mtasts_result,
    },
    guard::{Given, Object, guard, opaque, out},
    text::{CText, mtasts_str},
    txt::mtasts_txt,
};
use core::mem::MaybeUninit;
use mta_sts_core::{TlsRptError, TlsRptRecord, tlsrpt::TlsRptErrorKind};

/// The valid record of _smtp._tls.DOMAIN, where DOMAIN is the policy domain.
pub struct mtasts_tlsrpt(Object<Destinations>);

opaque!(mtasts_tlsrpt => Destinations);

pub(crate) struct Destinations {
    record: CText,
    rua: Box<[CText]>,
}

/// Reads the TXT RRset of _smtp._tls.DOMAIN, where DOMAIN is the policy domain. MTASTS_E_NO_RECORD,
/// MTASTS_E_SEVERAL_RECORDS or MTASTS_E_RECORD: the domain wants no reports.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_parse(
    txt: Option<&mtasts_txt>,
    tlsrpt: Option<&mut MaybeUninit<*mut mtasts_tlsrpt>>,
) -> mtasts_result {
    guard(|| {
        let (txt, tlsrpt) = (txt.given()?, out(tlsrpt)?);
        let record = TlsRptRecord::from_rrset(txt.records()).map_err(|error| match error {
            TlsRptError::NotFound => MTASTS_E_NO_RECORD,
            TlsRptError::Several { .. } => MTASTS_E_SEVERAL_RECORDS,
            _ => MTASTS_E_RECORD,
        })?;
        tlsrpt.write(mtasts_tlsrpt::boxed(Destinations {
            record: CText::new(&format!("v=TLSRPTv1; rua={}", record.rua().join(","))),
            rua: record.rua().iter().map(|uri| CText::new(uri)).collect(),
        }));
        Ok(())
    })
}

/// What is wrong inside the one _smtp._tls record, and at which octet of the joined record (from
/// 0). MTASTS_E_ABSENT if mtasts_tlsrpt_parse() does not answer MTASTS_E_RECORD.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_txt_tlsrpt_problem(
    txt: Option<&mtasts_txt>,
    problem: Option<&mut MaybeUninit<mtasts_record_problem>>,
    at: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        let (problem, at) = (out(problem)?, out(at)?);
        match TlsRptRecord::from_rrset(txt.given()?.records()) {
            Err(TlsRptError::Syntax { kind, at: octet }) => {
                problem.write(match kind {
                    TlsRptErrorKind::BadField => MTASTS_RECORD_BAD_FIELD,
                    TlsRptErrorKind::BadUri => MTASTS_RECORD_BAD_URI,
                    TlsRptErrorKind::EmptyField => MTASTS_RECORD_EMPTY_FIELD,
                    TlsRptErrorKind::NoRua => MTASTS_RECORD_NO_RUA,
                    TlsRptErrorKind::NoUsableUri => MTASTS_RECORD_NO_USABLE_URI,
                    _ => MTASTS_RECORD_OTHER,
                });
                at.write(octet);
                Ok(())
            }
            _ => Err(MTASTS_E_ABSENT),
        }
    })
}

/// The record in its plain form, with the destinations that can be used: what
/// tlsrpt_init_delivery_request() of libtlsrpt takes. It lives as long as the object.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_record(
    tlsrpt: Option<&mtasts_tlsrpt>,
    record: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        out(record)?.write(tlsrpt.given()?.record.get());
        Ok(())
    })
}

/// How many destinations can be used: mailto: and https: URIs.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_rua_count(
    tlsrpt: Option<&mtasts_tlsrpt>,
    count: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        out(count)?.write(tlsrpt.given()?.rua.len());
        Ok(())
    })
}

/// The destination with an index from 0, a mailto: or https: URI. It lives as long as the object.
/// MTASTS_E_ABSENT past the end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_rua(
    tlsrpt: Option<&mtasts_tlsrpt>,
    index: usize,
    uri: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        let tlsrpt = tlsrpt.given()?;
        out(uri)?.write(tlsrpt.rua.get(index).ok_or(MTASTS_E_ABSENT)?.get());
        Ok(())
    })
}

/// Frees what mtasts_tlsrpt_parse() made.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_free(tlsrpt: Option<Box<mtasts_tlsrpt>>) {
    guard(|| {
        drop(tlsrpt);
        Ok(())
    });
}
