//! Which library this is.

use crate::text::mtasts_str;

/// The version of this header: changes that break programs.
pub const MTASTS_VERSION_MAJOR: u32 = 0;
/// The version of this header: additions. While the major version is 0, these too may break programs.
pub const MTASTS_VERSION_MINOR: u32 = 1;
/// The version of this header: corrections.
pub const MTASTS_VERSION_PATCH: u32 = 0;
/// The version of this header as one number that grows, for #if.
pub const MTASTS_VERSION_NUMBER: u32 =
    (MTASTS_VERSION_MAJOR << 24) | (MTASTS_VERSION_MINOR << 16) | (MTASTS_VERSION_PATCH << 8);
/// The number of the binary interface; that of the SONAME, libmtasts.so.0.
pub const MTASTS_ABI: u32 = 0;

/// The binary interface of the loaded library. If it is not MTASTS_ABI, do not go on.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_abi() -> u32 {
    MTASTS_ABI
}

/// Whether the loaded library has all that a program needs which was written for version
/// `major`.`minor`: the same major version, and at least that minor one.
///
///     if (!mtasts_version_check(MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR))
///         return EX_UNAVAILABLE;
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_version_check(major: u32, minor: u32) -> bool {
    major == MTASTS_VERSION_MAJOR && minor <= MTASTS_VERSION_MINOR
}

/// The version of the loaded library as text, such as "0.1.0". The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_version() -> mtasts_str {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    mtasts_str { data: VERSION.as_ptr().cast(), len: VERSION.len() - 1 }
}
