//! What is linted, with its verdict and where its findings stand in the file.

use super::records::{self, SourceRecord};
use crate::{exit::Stop, input::Input};
use core::ops::Range;
use mta_sts_core::{
    Policy, PolicyError, RecordError, StsRecord, TlsRptError, TlsRptRecord, TxtRecords,
    lint::{self, Finding},
    policy::examine,
};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A policy file.
    Policy,
    /// The TXT records of `_mta-sts`.
    Record,
    /// The TXT records of `_smtp._tls`.
    TlsRpt,
}

#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) kind: Kind,
    /// The name of the file, escaped.
    pub(super) file: &'a str,
    pub(super) verdict: Verdict,
    source: Source<'a>,
    findings: Vec<Finding>,
    /// How many more problems there are than findings.
    pub(super) omitted: usize,
}

/// What senders take from it.
#[derive(Debug)]
pub(super) enum Verdict {
    Policy(Result<Policy, PolicyError>),
    Record(Result<StsRecord, RecordError>),
    TlsRpt(Result<TlsRptRecord, TlsRptError>),
}

#[derive(Debug)]
enum Source<'a> {
    Text(&'a [u8]),
    Records(Vec<SourceRecord<'a>>),
}

/// Where a finding stands in the file.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// The number of the line, from 1.
    pub(super) number: usize,
    /// The column in characters, from 1.
    pub(super) column: usize,
    /// The line without its terminator.
    pub(super) line: &'a [u8],
    /// The octets of the line that are concerned.
    pub(super) span: Range<usize>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(kind: Kind, Input { name: file, bytes, .. }: &'a Input) -> Result<Self, Stop> {
        if kind == Kind::Policy {
            let examination = examine(bytes);
            return Ok(Self {
                kind,
                file,
                verdict: Verdict::Policy(examination.policy),
                source: Source::Text(bytes),
                findings: lint::policy(bytes),
                omitted: examination.omitted,
            });
        }
        let records = records::read(bytes, file)?;
        let rrset = TxtRecords::from_iter(records.iter().map(|record| [&record.text]));
        let (verdict, findings) = match kind {
            Kind::TlsRpt => (Verdict::TlsRpt(TlsRptRecord::from_rrset(&rrset)), lint::tlsrpt(&rrset)),
            _ => (Verdict::Record(StsRecord::from_rrset(&rrset)), lint::record(&rrset)),
        };
        Ok(Self { kind, file, verdict, source: Source::Records(records), findings, omitted: 0 })
    }

    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// `None` for what concerns no line, such as a record that is not there.
    pub(super) fn place(&self, finding: &Finding) -> Option<Place<'_>> {
        match &self.source {
            Source::Text(b"") => None,
            Source::Text(text) => Some(place_in(text, finding)),
            Source::Records(_) if concerns_all_records(finding) => None,
            Source::Records(records) => {
                let SourceRecord { number, line, .. } = *records.get(finding.record)?;
                let span = records.get(finding.record)?.origin(finding.start..finding.end);
                let column = String::from_utf8_lossy(&line[..span.start]).chars().count() + 1;
                Some(Place { number, column, line, span })
            }
        }
    }
}

fn place_in<'a>(text: &'a [u8], finding: &Finding) -> Place<'a> {
    let start = finding.start.min(text.len());
    let line_start = text[..start].iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
    let line_end =
        text[line_start..].iter().position(|&b| b == b'\n').map_or(text.len(), |newline| line_start + newline);
    let line = &text[line_start..line_end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let in_line = |octet: usize| octet.saturating_sub(line_start).min(line.len());
    let span = in_line(start)..in_line(finding.end.max(start));
    Place { number: finding.line, column: finding.column, line, span }
}

/// There is no record, or there are several.
fn concerns_all_records(finding: &Finding) -> bool {
    matches!(finding.code, "STS-D001" | "STS-D003" | "RPT-R001" | "RPT-R002")
}
