//! Cache entries.

use crate::{
    codes::{MTASTS_E_ABSENT, MTASTS_E_FORMAT, MTASTS_E_OTHER_DOMAIN, MTASTS_E_POLICY, MTASTS_E_RECORD, mtasts_result},
    domain::domain,
    guard::{Given, Object, fill, guard, octets, opaque, out, seconds, time},
    policy::{PolicyView, mtasts_policy},
    text::{CText, Lazy, mtasts_str},
};
use core::{ffi::c_char, mem::MaybeUninit};
use mta_sts_core::{Entry, EntryError, RecordId};

/// What a cache holds for one policy domain: the policy, when it was fetched and checked, and
/// what failed.
pub struct mtasts_entry(Object<EntryView>);

opaque!(mtasts_entry => EntryView);

/// An entry, and the texts of it that were asked for.
pub(crate) struct EntryView {
    pub(crate) entry: Entry,
    domain: Lazy<CText>,
    id: Lazy<CText>,
}

impl EntryView {
    pub(crate) fn new(entry: Entry) -> Self {
        Self { entry, domain: Lazy::new(), id: Lazy::new() }
    }
}

/// The entry as octets, for whatever store the mail server has: a versioned text that every
/// language of this project reads. It goes into `buf`; with `buf` NULL and `cap` 0 only `need` is
/// written. It may hold any octets, since it holds the policy as it was served.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_entry_encode(
    entry: Option<&mtasts_entry>,
    buf: *mut u8,
    cap: usize,
    need: Option<&mut MaybeUninit<usize>>,
) -> mtasts_result {
    guard(|| {
        let (entry, need) = (entry.given()?, out(need)?);
        fill!(buf, cap, need, &entry.entry.encode())
    })
}

/// Reads what mtasts_entry_encode() wrote for a domain. What cannot be read is no entry, and the
/// domain is looked up afresh: MTASTS_E_FORMAT if it is cut, garbled or of another version,
/// MTASTS_E_POLICY if the policy in it is not valid, MTASTS_E_OTHER_DOMAIN if it is not the
/// domain's. MTASTS_E_DOMAIN if the name is no domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_entry_decode(
    encoded: *const u8,
    encoded_len: usize,
    name: *const c_char,
    name_len: usize,
    entry: Option<&mut MaybeUninit<*mut mtasts_entry>>,
) -> mtasts_result {
    guard(|| {
        let entry = out(entry)?;
        let (encoded, name) = (octets!(encoded, encoded_len), octets!(name, name_len));
        let decoded = Entry::decode(encoded, &domain(name)?).map_err(|error| match error {
            EntryError::OtherDomain => MTASTS_E_OTHER_DOMAIN,
            EntryError::Policy(_) => MTASTS_E_POLICY,
            _ => MTASTS_E_FORMAT,
        })?;
        entry.write(mtasts_entry::boxed(EntryView::new(decoded)));
        Ok(())
    })
}

/// Makes an entry for a policy known from elsewhere, such as another program's cache.
/// `fetched_at` must be the time of an HTTPS fetch, `checked_at` that of the last TXT answer.
/// MTASTS_E_DOMAIN if the name is no domain, MTASTS_E_RECORD if the id is not 1 to 32 letters and
/// digits. The policy stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_entry_import(
    name: *const c_char,
    name_len: usize,
    id: *const c_char,
    id_len: usize,
    policy: Option<&mtasts_policy>,
    fetched_at: i64,
    checked_at: i64,
    entry: Option<&mut MaybeUninit<*mut mtasts_entry>>,
) -> mtasts_result {
    guard(|| {
        let (entry, policy) = (out(entry)?, policy.given()?);
        let (name, id) = (octets!(name, name_len), octets!(id, id_len));
        let (fetched_at, checked_at) = (time(fetched_at)?, time(checked_at)?);
        let domain = domain(name)?;
        let id = RecordId::new(id).ok_or(MTASTS_E_RECORD)?;
        let imported = Entry::import(&domain, id, policy.policy.as_ref().clone(), fetched_at, checked_at);
        entry.write(mtasts_entry::boxed(EntryView::new(imported)));
        Ok(())
    })
}

/// The policy domain. It lives as long as the entry.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_domain(
    entry: Option<&mtasts_entry>,
    name: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        let entry = entry.given()?;
        out(name)?.write(entry.domain.get_or_init(|| CText::new(entry.entry.domain().as_str())).get());
        Ok(())
    })
}

/// The id of the policy held. It lives as long as the entry. MTASTS_E_ABSENT if none is held.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_id(
    entry: Option<&mtasts_entry>,
    id: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        let (entry, id) = (entry.given()?, out(id)?);
        let held = entry.entry.held().ok_or(MTASTS_E_ABSENT)?;
        id.write(entry.id.get_or_init(|| CText::new(held.id.as_str())).get());
        Ok(())
    })
}

/// The policy held, dead or alive: to decide, use a lookup. It is the caller's, and may outlive
/// the entry. MTASTS_E_ABSENT if the entry only remembers a failed fetch.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_policy(
    entry: Option<&mtasts_entry>,
    policy: Option<&mut MaybeUninit<*mut mtasts_policy>>,
) -> mtasts_result {
    guard(|| {
        let (entry, policy) = (entry.given()?, out(policy)?);
        let held = entry.entry.held().ok_or(MTASTS_E_ABSENT)?;
        policy.write(mtasts_policy::boxed(PolicyView::new(held.policy.clone())));
        Ok(())
    })
}

/// When the policy held was fetched. MTASTS_E_ABSENT if none is held.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_fetched_at(
    entry: Option<&mtasts_entry>,
    at: Option<&mut MaybeUninit<i64>>,
) -> mtasts_result {
    guard(|| {
        let entry = entry.given()?;
        out(at)?.write(seconds(entry.entry.held().ok_or(MTASTS_E_ABSENT)?.fetched_at));
        Ok(())
    })
}

/// When DNS was last asked for the record. MTASTS_E_ABSENT if that is not known.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_checked_at(
    entry: Option<&mtasts_entry>,
    at: Option<&mut MaybeUninit<i64>>,
) -> mtasts_result {
    guard(|| {
        let entry = entry.given()?;
        out(at)?.write(seconds(entry.entry.checked_at().ok_or(MTASTS_E_ABSENT)?));
        Ok(())
    })
}

/// When the policy held ends (RFC 8461 section 3.2). MTASTS_E_ABSENT if none is held.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_expires_at(
    entry: Option<&mtasts_entry>,
    at: Option<&mut MaybeUninit<i64>>,
) -> mtasts_result {
    guard(|| {
        let entry = entry.given()?;
        out(at)?.write(seconds(entry.entry.expires_at().ok_or(MTASTS_E_ABSENT)?));
        Ok(())
    })
}

/// When to look the domain up with MTASTS_INTENT_REFRESH; `now` or earlier if that is due (RFC
/// 8461 sections 3.3 and 10.2). MTASTS_E_ABSENT if no policy is held that lives long enough.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_refresh_at(
    entry: Option<&mtasts_entry>,
    now: i64,
    at: Option<&mut MaybeUninit<i64>>,
) -> mtasts_result {
    guard(|| {
        let entry = entry.given()?;
        out(at)?.write(seconds(entry.entry.refresh_at(time(now)?).ok_or(MTASTS_E_ABSENT)?));
        Ok(())
    })
}

/// Frees an entry.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_free(entry: Option<Box<mtasts_entry>>) {
    guard(|| {
        drop(entry);
        Ok(())
    });
}
