//! Everything that is wrong with a policy, and where.

use crate::{
    codes::{
        MTASTS_E_ABSENT, MTASTS_PROBLEM_BAD_EXTENSION, MTASTS_PROBLEM_BAD_MAX_AGE, MTASTS_PROBLEM_BAD_MODE,
        MTASTS_PROBLEM_BAD_MX, MTASTS_PROBLEM_BAD_VERSION, MTASTS_PROBLEM_BLANK_LINE, MTASTS_PROBLEM_BYTE_ORDER_MARK,
        MTASTS_PROBLEM_DUPLICATE, MTASTS_PROBLEM_LEADING_SPACE, MTASTS_PROBLEM_MAX_AGE_CLAMPED,
        MTASTS_PROBLEM_NO_COLON, MTASTS_PROBLEM_NO_MAX_AGE, MTASTS_PROBLEM_NO_MODE, MTASTS_PROBLEM_NO_MX,
        MTASTS_PROBLEM_NO_VERSION, MTASTS_PROBLEM_OTHER, MTASTS_PROBLEM_SPACE_BEFORE_COLON, MTASTS_PROBLEM_TOO_LARGE,
        mtasts_answer, mtasts_name_problem, mtasts_problem_kind, mtasts_result,
    },
    domain::{answer, pattern_problem},
    guard::{Given, Object, guard, octets, opaque, out},
};
use core::mem::MaybeUninit;
use mta_sts_core::policy::{Examination, PolicyErrorKind, Position, Problem, ProblemKind, examine};

/// What is to be said about a policy body.
pub struct mtasts_problems(Object<Problems>);

opaque!(mtasts_problems => Problems);

pub(crate) struct Problems {
    valid: bool,
    list: Box<[mtasts_problem]>,
    omitted: usize,
}

/// One problem of a policy. This struct never changes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mtasts_problem {
    /// What it is.
    pub kind: mtasts_problem_kind,
    /// What is wrong with the name for MTASTS_PROBLEM_BAD_MX, else 0.
    pub detail: mtasts_name_problem,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The first octet concerned, from 0.
    pub start: usize,
    /// The octet after the last one concerned.
    pub end: usize,
}

impl mtasts_problem {
    fn new(body: &[u8], problem: &Problem) -> Self {
        let (kind, detail) = match problem.kind {
            ProblemKind::Invalid(kind) => invalid(kind),
            ProblemKind::BadExtension => (MTASTS_PROBLEM_BAD_EXTENSION, 0),
            ProblemKind::BadMx(kind) => (MTASTS_PROBLEM_BAD_MX, pattern_problem(kind)),
            ProblemKind::BlankLine => (MTASTS_PROBLEM_BLANK_LINE, 0),
            ProblemKind::ByteOrderMark => (MTASTS_PROBLEM_BYTE_ORDER_MARK, 0),
            ProblemKind::Duplicate(_) => (MTASTS_PROBLEM_DUPLICATE, 0),
            ProblemKind::LeadingSpace => (MTASTS_PROBLEM_LEADING_SPACE, 0),
            ProblemKind::MaxAgeClamped => (MTASTS_PROBLEM_MAX_AGE_CLAMPED, 0),
            ProblemKind::NoColon => (MTASTS_PROBLEM_NO_COLON, 0),
            ProblemKind::SpaceBeforeColon => (MTASTS_PROBLEM_SPACE_BEFORE_COLON, 0),
            _ => (MTASTS_PROBLEM_OTHER, 0),
        };
        let Position { line, column } = Position::of(body, problem.start);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { kind, detail, line: number(line), column: number(column), start: problem.start, end: problem.end }
    }
}

const fn invalid(kind: PolicyErrorKind) -> (mtasts_problem_kind, mtasts_name_problem) {
    match kind {
        PolicyErrorKind::BadMaxAge => (MTASTS_PROBLEM_BAD_MAX_AGE, 0),
        PolicyErrorKind::BadMode => (MTASTS_PROBLEM_BAD_MODE, 0),
        PolicyErrorKind::BadMx(kind) => (MTASTS_PROBLEM_BAD_MX, pattern_problem(kind)),
        PolicyErrorKind::BadVersion => (MTASTS_PROBLEM_BAD_VERSION, 0),
        PolicyErrorKind::NoMaxAge => (MTASTS_PROBLEM_NO_MAX_AGE, 0),
        PolicyErrorKind::NoMode => (MTASTS_PROBLEM_NO_MODE, 0),
        PolicyErrorKind::NoMx => (MTASTS_PROBLEM_NO_MX, 0),
        PolicyErrorKind::NoVersion => (MTASTS_PROBLEM_NO_VERSION, 0),
        PolicyErrorKind::TooLarge => (MTASTS_PROBLEM_TOO_LARGE, 0),
        _ => (MTASTS_PROBLEM_OTHER, 0),
    }
}

/// Examines a policy body, valid or not, and lists its problems in the order of the text; those
/// of the policy as a whole come last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_problems_new(
    body: *const u8,
    body_len: usize,
    problems: Option<&mut MaybeUninit<*mut mtasts_problems>>,
) -> mtasts_result {
    guard(|| {
        let problems = out(problems)?;
        let body = octets!(body, body_len);
        let Examination { policy, problems: found, omitted } = examine(body);
        let list = found.iter().map(|problem| mtasts_problem::new(body, problem)).collect();
        problems.write(mtasts_problems::boxed(Problems { valid: policy.is_ok(), list, omitted }));
        Ok(())
    })
}

/// Whether the policy is valid in spite of its problems, as mtasts_policy_parse() decides.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_problems_valid(
    problems: Option<&mtasts_problems>,
    valid: Option<&mut MaybeUninit<mtasts_answer>>,
) -> mtasts_result {
    guard(|| {
        out(valid)?.write(answer(problems.given()?.valid));
        Ok(())
    })
}

/// How many problems are listed: at most 250, and all that make the policy invalid.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_problems_count(
    problems: Option<&mtasts_problems>,
    count: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        out(count)?.write(problems.given()?.list.len());
        Ok(())
    })
}

/// How many more problems there are than are listed.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_problems_omitted(
    problems: Option<&mtasts_problems>,
    count: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        out(count)?.write(problems.given()?.omitted);
        Ok(())
    })
}

/// The problem with an index from 0. MTASTS_E_ABSENT past the end.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_problems_get(
    problems: Option<&mtasts_problems>,
    index: usize,
    problem: Option<&mut MaybeUninit<mtasts_problem>>,
) -> mtasts_result {
    guard(|| {
        let problems = problems.given()?;
        out(problem)?.write(*problems.list.get(index).ok_or(MTASTS_E_ABSENT)?);
        Ok(())
    })
}

/// Frees a list of problems.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_problems_free(problems: Option<Box<mtasts_problems>>) {
    guard(|| {
        drop(problems);
        Ok(())
    });
}
