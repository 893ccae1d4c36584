//! The shared library, and the functions of `mtasts.h` that the face calls.
//!
//! What is `const TYPE *` there is `&TYPE` here, and what is `TYPE *` is `&mut TYPE`. A function
//! that takes nothing but these and numbers can be called with anything; the others are `unsafe`.

use std::{ffi::c_char, path::Path};

/// An `mtasts_result`.
pub(super) type Code = i32;

/// An `mtasts_str`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Str {
    pub(super) data: *const c_char,
    pub(super) len: usize,
}

macro_rules! opaque {
    ($($name:ident)*) => {
        /// The library's objects, known by their addresses only.
        pub(super) mod opaque {
            $(#[repr(C)]
            #[derive(Debug)]
            pub(in super::super) struct $name([u8; 0], std::marker::PhantomData<*mut u8>);)*
        }
    };
}
opaque! { Config Entry Lookup Policy Tlsrpt Txt }
use opaque::{Config, Entry, Lookup, Policy, Tlsrpt, Txt};

macro_rules! functions {
    ($($name:ident: $type:ty;)*) => {
        /// The loaded library.
        #[derive(Debug)]
        pub(super) struct Library {
            $(pub(super) $name: $type,)*
            // Keeps the functions where they are.
            _loaded: libloading::Library,
        }

        impl Library {
            fn resolve(library: libloading::Library) -> Result<Self, String> {
                Ok(Self {
                    $($name: {
                        // SAFETY: this is the function's type in mtasts.h, and for the safe ones
                        // its conventions promise that nothing else is asked of the caller.
                        let symbol = unsafe { library.get::<$type>(stringify!($name)) };
                        *symbol.map_err(|e| format!("the library has no {}: {e}", stringify!($name)))?
                    },)*
                    _loaded: library,
                })
            }
        }
    };
}

functions! {
    mtasts_abi: extern "C" fn() -> u32;
    mtasts_version_check: extern "C" fn(u32, u32) -> bool;
    mtasts_mode_name: extern "C" fn(u32) -> Str;
    mtasts_tlsrpt_result_name: extern "C" fn(u32) -> Str;

    mtasts_domain_normalize: unsafe extern "C" fn(*const u8, usize, *mut u8, usize, &mut usize) -> Code;
    mtasts_pattern_match: unsafe extern "C" fn(*const u8, usize, *const u8, usize, &mut u32) -> Code;

    mtasts_txt_new: extern "C" fn(&mut *mut Txt) -> Code;
    mtasts_txt_add: unsafe extern "C" fn(&mut Txt, *const u8, usize) -> Code;
    mtasts_txt_add_rdata: unsafe extern "C" fn(&mut Txt, *const u8, usize) -> Code;
    mtasts_txt_sts_id: unsafe extern "C" fn(&Txt, *mut u8, usize, &mut usize) -> Code;
    mtasts_txt_free: unsafe extern "C" fn(*mut Txt);

    mtasts_policy_parse: unsafe extern "C" fn(*const u8, usize, &mut *mut Policy) -> Code;
    mtasts_policy_mode: extern "C" fn(&Policy, &mut u32) -> Code;
    mtasts_policy_max_age: extern "C" fn(&Policy, &mut u32) -> Code;
    mtasts_policy_mx_count: extern "C" fn(&Policy, &mut usize) -> Code;
    mtasts_policy_mx: extern "C" fn(&Policy, usize, &mut Str) -> Code;
    mtasts_policy_body: unsafe extern "C" fn(&Policy, *mut u8, usize, &mut usize) -> Code;
    mtasts_policy_free: unsafe extern "C" fn(*mut Policy);

    mtasts_config_new: extern "C" fn(&mut *mut Config) -> Code;
    mtasts_config_set: extern "C" fn(&mut Config, u32, u64) -> Code;
    mtasts_config_free: unsafe extern "C" fn(*mut Config);

    mtasts_lookup_new: unsafe extern "C" fn(
        *const u8, usize, Option<&Entry>, u32, Option<&Config>, i64, &mut *mut Lookup,
    ) -> Code;
    mtasts_lookup_want: extern "C" fn(&Lookup, &mut u32) -> Code;
    mtasts_lookup_txt_name: extern "C" fn(&Lookup, &mut Str) -> Code;
    mtasts_lookup_txt_record: unsafe extern "C" fn(&mut Lookup, *const u8, usize) -> Code;
    mtasts_lookup_txt_rdata: unsafe extern "C" fn(&mut Lookup, *const u8, usize) -> Code;
    mtasts_lookup_txt_end: extern "C" fn(&mut Lookup, u32, i64) -> Code;
    mtasts_lookup_https_url: extern "C" fn(&Lookup, &mut Str) -> Code;
    mtasts_lookup_https_field: unsafe extern "C" fn(&mut Lookup, *const u8, usize, *const u8, usize) -> Code;
    mtasts_lookup_https_head: extern "C" fn(&mut Lookup, u32, i64, &mut u32) -> Code;
    mtasts_lookup_https_body: unsafe extern "C" fn(&mut Lookup, *const u8, usize, i64, &mut u32) -> Code;
    mtasts_lookup_https_end: extern "C" fn(&mut Lookup, i64) -> Code;
    mtasts_lookup_https_failed: extern "C" fn(&mut Lookup, u32, i64) -> Code;
    mtasts_lookup_decision: extern "C" fn(&Lookup, &mut u32) -> Code;
    mtasts_lookup_policy: extern "C" fn(&Lookup, &mut *mut Policy) -> Code;
    mtasts_lookup_apply: extern "C" fn(&Lookup, Option<&Entry>, i64, &mut *mut Entry) -> Code;
    mtasts_lookup_tlsrpt_result: extern "C" fn(&Lookup, &mut u32) -> Code;
    mtasts_lookup_alert: extern "C" fn(&Lookup, &mut u64) -> Code;
    mtasts_lookup_failure_text: extern "C" fn(&Lookup, &mut Str) -> Code;
    mtasts_lookup_confirms_bounce: extern "C" fn(&Lookup, &mut u32) -> Code;
    mtasts_lookup_free: unsafe extern "C" fn(*mut Lookup);

    mtasts_entry_encode: unsafe extern "C" fn(&Entry, *mut u8, usize, &mut usize) -> Code;
    mtasts_entry_decode: unsafe extern "C" fn(*const u8, usize, *const u8, usize, &mut *mut Entry) -> Code;
    mtasts_entry_import: unsafe extern "C" fn(
        *const u8, usize, *const u8, usize, &Policy, i64, i64, &mut *mut Entry,
    ) -> Code;
    mtasts_entry_policy: extern "C" fn(&Entry, &mut *mut Policy) -> Code;
    mtasts_entry_free: unsafe extern "C" fn(*mut Entry);

    mtasts_tlsrpt_parse: extern "C" fn(&Txt, &mut *mut Tlsrpt) -> Code;
    mtasts_tlsrpt_rua_count: extern "C" fn(&Tlsrpt, &mut usize) -> Code;
    mtasts_tlsrpt_rua: extern "C" fn(&Tlsrpt, usize, &mut Str) -> Code;
    mtasts_tlsrpt_free: unsafe extern "C" fn(*mut Tlsrpt);
}

impl Library {
    /// `MTASTS_ABI`, `MTASTS_VERSION_MAJOR` and `_MINOR` of the header that is written down here.
    const ABI: u32 = 0;
    const VERSION: (u32, u32) = (0, 1);

    /// Loads the library, and finds all functions.
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        // SAFETY: loading it runs no code of the library's own.
        let loaded = unsafe { libloading::Library::new(path) };
        let library = Self::resolve(loaded.map_err(|e| format!("{} cannot be loaded: {e}", path.display()))?)?;
        let abi = (library.mtasts_abi)();
        if abi != Self::ABI {
            return Err(format!("{} has the binary interface {abi}, not {}", path.display(), Self::ABI));
        }
        let (major, minor) = Self::VERSION;
        if !(library.mtasts_version_check)(major, minor) {
            return Err(format!("{} is not version {major}.{minor} or a later one", path.display()));
        }
        Ok(library)
    }
}
