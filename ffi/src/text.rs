//! Text that is handed out.

use core::ffi::{CStr, c_char};
use std::sync::OnceLock;

/// A text that belongs to an object, or is static. `data[len]` is a NUL, and there is no other
/// NUL or control character in it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mtasts_str {
    /// The first octet; never NULL in a text that the library handed out.
    pub data: *const c_char,
    /// How many octets there are before the NUL.
    pub len: usize,
}

impl mtasts_str {
    pub(crate) fn from_static(text: &'static CStr) -> Self {
        Self { data: text.as_ptr(), len: text.count_bytes() }
    }
}

/// Text with its NUL.
#[derive(Clone, Debug)]
pub(crate) struct CText(Box<[u8]>);

impl CText {
    /// What is not text gets U+FFFD, so that nothing breaks out of a line, a field or a C string.
    pub(crate) fn new(text: &str) -> Self {
        let safe = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
        let mut octets = safe.collect::<String>().into_bytes();
        octets.push(0);
        Self(octets.into())
    }

    pub(crate) fn get(&self) -> mtasts_str {
        mtasts_str { data: self.0.as_ptr().cast(), len: self.0.len() - 1 }
    }

    pub(crate) fn octets_with_nul(&self) -> &[u8] {
        &self.0
    }
}

/// Text made when it is asked for first. It lives as long as its object.
pub(crate) type Lazy<T> = OnceLock<T>;
