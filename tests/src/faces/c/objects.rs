//! Calls whose arguments and answers cannot go wrong, and which check what the header promises
//! about every answer.

use super::{
    codes::{MTASTS_E_SPACE, MTASTS_NO, MTASTS_OK, MTASTS_YES},
    library::{Code, Library, Str},
};
use std::{
    fmt::Debug,
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
    slice,
};

/// Why there is no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Error {
    /// The library says so.
    Code(Code),
    /// The library broke a promise of its header.
    Broken(String),
}

impl From<Error> for String {
    fn from(error: Error) -> Self {
        match error {
            Error::Code(code) => format!("the library answered {code}"),
            Error::Broken(what) => format!("the library breaks its word: {what}"),
        }
    }
}

/// An answer of the library.
pub(super) type Result<T> = std::result::Result<T, Error>;

pub(super) fn broken<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::Broken(what.into()))
}

/// `None` if the library answered one of these codes.
pub(super) fn unless<T>(codes: &[Code], answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(Error::Code(code)) if codes.contains(&code) => Ok(None),
        answer => answer.map(Some),
    }
}

/// A call without an answer.
pub(super) fn done(code: Code) -> Result<()> {
    if code == MTASTS_OK { Ok(()) } else { Err(Error::Code(code)) }
}

/// What can be answered, and a pattern that never is.
pub(super) trait Answer: Copy + Debug + PartialEq {
    const PATTERN: Self;
}

impl Answer for u32 {
    const PATTERN: Self = 0xA5A5_A5A5;
}

impl Answer for u64 {
    const PATTERN: Self = 0xA5A5_A5A5_A5A5_A5A5;
}

impl Answer for usize {
    const PATTERN: Self = 0xA5A5_A5A5;
}

impl Answer for Str {
    const PATTERN: Self = Self { data: ptr::without_provenance(usize::PATTERN), len: usize::PATTERN };
}

impl<T: Debug> Answer for *mut T {
    const PATTERN: Self = ptr::without_provenance_mut(usize::PATTERN);
}

/// Calls with an out parameter, which must be written if and only if there is an answer.
pub(super) fn answer<A: Answer>(call: impl FnOnce(&mut A) -> Code) -> Result<A> {
    let mut out = A::PATTERN;
    let code = call(&mut out);
    match (code == MTASTS_OK, out == A::PATTERN) {
        (true, false) => Ok(out),
        (true, true) => broken("MTASTS_OK, and the out parameter was not written"),
        (false, true) => Err(Error::Code(code)),
        (false, false) => broken(format!("the result {code}, and yet the out parameter was written: {out:?}")),
    }
}

/// Calls for an answer that is yes or no.
pub(super) fn yes(call: impl FnOnce(&mut u32) -> Code) -> Result<bool> {
    match answer(call)? {
        MTASTS_YES => Ok(true),
        MTASTS_NO => Ok(false),
        other => broken(format!("the answer {other}")),
    }
}

/// Calls for a text, of an object that lives while this is called.
pub(super) fn text(call: impl FnOnce(&mut Str) -> Code) -> Result<String> {
    text_of(answer(call)?)
}

/// Reads a text that the library just handed out.
pub(super) fn text_of(handed_out: Str) -> Result<String> {
    if handed_out.data.is_null() {
        return broken("a text is NULL");
    }
    // SAFETY: there are `len` octets and a NUL, and they live while the object does, which the
    // caller still borrows.
    let octets = unsafe { slice::from_raw_parts(handed_out.data.cast(), handed_out.len + 1) };
    text_before_nul(octets)
}

/// Checks a text with its NUL.
fn text_before_nul(octets: &[u8]) -> Result<String> {
    let Some((0, octets)) = octets.split_last() else { return broken("a text has no NUL at its end") };
    match str::from_utf8(octets) {
        Ok(text) if !text.contains(char::is_control) => Ok(text.to_owned()),
        Ok(text) => broken(format!("a text has a control character: {text:?}")),
        Err(_) => broken("a text is not UTF-8"),
    }
}

/// Calls for octets: for their number, into a buffer that is too small, and into a larger one.
pub(super) fn octets(call: impl Fn(&mut [u8], &mut usize) -> Code) -> Result<Vec<u8>> {
    const FILL: u8 = 0xA5;
    const SPARE: usize = 8;
    let need = answer(|need| call(&mut [], need))?;
    let mut small = vec![FILL; need.saturating_sub(1)];
    if !small.is_empty() {
        let refused = answer(|need| call(&mut small, need));
        if refused != Err(Error::Code(MTASTS_E_SPACE)) || small.iter().any(|&octet| octet != FILL) {
            return broken(format!("a buffer that is too small was not refused, or written to: {refused:?}"));
        }
    }
    let mut buffer = vec![FILL; need + SPARE];
    let again = answer(|need| call(&mut buffer, need))?;
    if again != need || buffer[need..] != [FILL; SPARE] {
        return broken(format!("{need} octets are needed, and then {again}"));
    }
    buffer.truncate(need);
    Ok(buffer)
}

/// Calls for octets that are a text with its NUL.
pub(super) fn text_into_buffer(call: impl Fn(&mut [u8], &mut usize) -> Code) -> Result<String> {
    text_before_nul(&octets(call)?)
}

/// A slice as C takes it: NULL if it is empty.
pub(super) fn raw(octets: &[u8]) -> (*const u8, usize) {
    (if octets.is_empty() { ptr::null() } else { octets.as_ptr() }, octets.len())
}

/// A buffer as C takes it: NULL if it is empty.
pub(super) fn raw_mut(buffer: &mut [u8]) -> (*mut u8, usize) {
    (if buffer.is_empty() { ptr::null_mut() } else { buffer.as_mut_ptr() }, buffer.len())
}

/// An object of the library, freed when it is dropped.
#[derive(Debug)]
pub(super) struct Owned<'l, T> {
    object: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
    pub(super) library: &'l Library,
}

impl<'l, T: Debug> Owned<'l, T> {
    /// Takes the object that a call makes. `free` is the function that frees such objects.
    pub(super) fn made_by(
        library: &'l Library,
        free: unsafe extern "C" fn(*mut T),
        call: impl FnOnce(&mut *mut T) -> Code,
    ) -> Result<Self> {
        match NonNull::new(answer(call)?) {
            Some(object) => Ok(Self { object, free, library }),
            None => broken("MTASTS_OK, and the object is NULL"),
        }
    }
}

impl<T> Deref for Owned<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the library made the object for us, and it is not freed yet.
        unsafe { self.object.as_ref() }
    }
}

impl<T> DerefMut for Owned<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and nobody else has it.
        unsafe { self.object.as_mut() }
    }
}

impl<T> Drop for Owned<'_, T> {
    fn drop(&mut self) {
        // SAFETY: it is ours, and freed this once.
        unsafe { (self.free)(self.object.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faces::c::codes::MTASTS_E_ABSENT;

    fn is_broken<T>(answer: &Result<T>) -> bool {
        matches!(answer, Err(Error::Broken(_)))
    }

    #[test]
    fn an_out_parameter_is_written_if_and_only_if_there_is_an_answer() {
        let call = |value: Option<u32>, code| {
            answer(|out: &mut u32| {
                *out = value.unwrap_or(*out);
                code
            })
        };
        assert_eq!(call(Some(7), MTASTS_OK), Ok(7));
        assert_eq!(call(None, MTASTS_E_ABSENT), Err(Error::Code(MTASTS_E_ABSENT)));
        assert!(is_broken(&call(Some(7), MTASTS_E_ABSENT)));
        assert!(is_broken(&call(None, MTASTS_OK)));
    }

    #[test]
    fn a_text_ends_with_nul_and_has_no_control_characters() {
        assert_eq!(text_before_nul(b"text\0").as_deref(), Ok("text"));
        for bad in [&b"text"[..], b"", b"te\0xt\0", b"te\nxt\0", b"te\xC2\x85xt\0", b"te\xFFxt\0"] {
            assert!(is_broken(&text_before_nul(bad)), "{bad:?}");
        }
    }

    #[test]
    fn a_buffer_is_filled_to_its_need_and_not_beyond() {
        let fill = |written: usize, refuses: bool| {
            octets(move |buffer, need| {
                if refuses && !buffer.is_empty() && buffer.len() < 4 {
                    return MTASTS_E_SPACE;
                }
                let written = written.min(buffer.len());
                buffer[..written].fill(b'x');
                *need = 4;
                MTASTS_OK
            })
        };
        assert_eq!(fill(4, true).as_deref(), Ok(&b"xxxx"[..]));
        assert!(is_broken(&fill(5, true)) && is_broken(&fill(4, false)));
    }
}
