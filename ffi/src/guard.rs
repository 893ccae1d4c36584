//! The boundary: what every exported function does before and after its own work.
//!
//! All `unsafe` of the library is in this file.

use crate::codes::{
    MTASTS_E_NULL, MTASTS_E_PANIC, MTASTS_E_SPACE, MTASTS_E_TIME, MTASTS_E_TOO_LARGE, MTASTS_E_VALUE, MTASTS_OK,
};
use crate::mtasts_result;
use core::{
    cell::Cell,
    mem::{ManuallyDrop, MaybeUninit},
    ops::{Deref, DerefMut},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use mta_sts_core::UnixTime;
use std::{
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    panic::{self, AssertUnwindSafe},
    thread,
};

#[cfg(panic = "abort")]
compile_error!("libmtasts must be built with panic=\"unwind\": a panic would end the mail server");

pub(crate) type Result<T> = core::result::Result<T, mtasts_result>;

/// Runs the body of an exported function. A panic ends here, silently.
pub(crate) fn guard(body: impl FnOnce() -> Result<()>) -> mtasts_result {
    silence_panics();
    let _in_call = InCall::enter();
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => MTASTS_OK,
        Ok(Err(code)) => code,
        Err(_) => MTASTS_E_PANIC,
    }
}

thread_local! {
    static IN_CALL: Cell<bool> = const { Cell::new(false) };
}

struct InCall;

impl InCall {
    fn enter() -> Self {
        IN_CALL.set(true);
        Self
    }
}

impl Drop for InCall {
    fn drop(&mut self) {
        IN_CALL.set(false);
    }
}

/// Standard error may be a mail connection, so the message of a panic in a call is not printed
/// there. In a Rust program that links this crate, panics outside of a call are reported as ever.
fn silence_panics() {
    static SILENCED: AtomicBool = AtomicBool::new(false);
    if SILENCED.load(Ordering::Acquire) {
        return;
    }
    // Two threads may come here at once; the second hook then calls the first.
    let others = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !IN_CALL.get() {
            others(info);
        }
    }));
    SILENCED.store(true, Ordering::Release);
}

/// What an object handed out points to. Once a panic was caught in it, it gives no answer any more.
pub(crate) struct Object<T> {
    value: T,
    poisoned: AtomicBool,
}

impl<T> Object<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value, poisoned: AtomicBool::new(false) }
    }
}

/// Borrows an object for the time of a call.
pub(crate) trait Given {
    type Value;
    fn given(self) -> Result<Self::Value>;
}

/// An object in use. If the call panics meanwhile, the object is poisoned.
pub(crate) struct InUse<'a, T> {
    value: T,
    poisoned: &'a AtomicBool,
}

impl<'a, T> InUse<'a, T> {
    fn new(value: T, poisoned: &'a AtomicBool) -> Result<Self> {
        if poisoned.load(Ordering::Relaxed) {
            return Err(MTASTS_E_PANIC);
        }
        let in_use = Self { value, poisoned };
        forced_panic();
        Ok(in_use)
    }
}

impl<T> Drop for InUse<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.poisoned.store(true, Ordering::Relaxed);
        }
    }
}

impl<T: Deref> Deref for InUse<'_, T> {
    type Target = T::Target;

    fn deref(&self) -> &T::Target {
        &self.value
    }
}

impl<T: DerefMut> DerefMut for InUse<'_, T> {
    fn deref_mut(&mut self) -> &mut T::Target {
        &mut self.value
    }
}

/// A type that C knows by name only.
pub(crate) trait Opaque {
    type Inner;
    fn object(&self) -> &Object<Self::Inner>;
    fn object_mut(&mut self) -> &mut Object<Self::Inner>;
}

macro_rules! opaque {
    ($name:ident => $inner:ty) => {
        impl crate::guard::Opaque for $name {
            type Inner = $inner;

            fn object(&self) -> &crate::guard::Object<$inner> {
                &self.0
            }

            fn object_mut(&mut self) -> &mut crate::guard::Object<$inner> {
                &mut self.0
            }
        }

        impl $name {
            pub(crate) fn boxed(inner: $inner) -> *mut Self {
                Box::into_raw(Box::new(Self(crate::guard::Object::new(inner))))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use opaque;

impl<'a, T: Opaque> Given for Option<&'a T> {
    type Value = InUse<'a, &'a T::Inner>;

    fn given(self) -> Result<Self::Value> {
        let object = self.ok_or(MTASTS_E_NULL)?.object();
        InUse::new(&object.value, &object.poisoned)
    }
}

impl<'a, T: Opaque> Given for Option<&'a mut T> {
    type Value = InUse<'a, &'a mut T::Inner>;

    fn given(self) -> Result<Self::Value> {
        let object = self.ok_or(MTASTS_E_NULL)?.object_mut();
        InUse::new(&mut object.value, &object.poisoned)
    }
}

/// Borrows an object that may be NULL.
pub(crate) fn optional<'a, T: Opaque>(object: Option<&'a T>) -> Result<Option<InUse<'a, &'a T::Inner>>> {
    object.map(|object| Some(object).given()).transpose()
}

/// An out parameter, memory of the caller's that need not be initialised, if there is one. Asked
/// for before the work, so that nothing is lost.
pub(crate) fn out<T>(out: Option<&mut MaybeUninit<T>>) -> Result<&mut MaybeUninit<T>> {
    out.ok_or(MTASTS_E_NULL)
}

/// Octets that C hands in. NULL is allowed where there are none.
pub(crate) unsafe fn octets_of<'a, T>(data: *const T, len: usize) -> Result<&'a [u8]> {
    forced_panic();
    match (data.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(MTASTS_E_NULL),
        // Nothing in memory is larger, so the length is wrong.
        _ if len > isize::MAX as usize => Err(MTASTS_E_TOO_LARGE),
        // SAFETY: not NULL; that so many octets can be read there is the caller's word (the
        // header's conventions).
        _ => Ok(unsafe { core::slice::from_raw_parts(data.cast(), len) }),
    }
}

/// Fills the caller's buffer, or tells how large it must be if it is NULL.
pub(crate) unsafe fn fill_buffer<T>(
    buf: *mut T,
    cap: usize,
    need: &mut MaybeUninit<usize>,
    octets: &[u8],
) -> Result<()> {
    if !buf.is_null() {
        if cap < octets.len() {
            return Err(MTASTS_E_SPACE);
        }
        // SAFETY: not NULL; that `cap` octets can be written there is the caller's word, and they
        // are not ours.
        unsafe { core::ptr::copy_nonoverlapping(octets.as_ptr(), buf.cast(), octets.len()) };
    } else if cap != 0 {
        return Err(MTASTS_E_NULL);
    }
    need.write(octets.len());
    Ok(())
}

/// Takes over a file descriptor. It stays the caller's if it is none, or `prepare` cannot use it.
pub(crate) fn owned_fd(fd: i32, prepare: impl FnOnce(&OwnedFd) -> Result<()>) -> Result<OwnedFd> {
    if fd < 0 {
        return Err(MTASTS_E_VALUE);
    }
    // SAFETY: it is not -1; that nobody else closes it from now on is the caller's word.
    let owned = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(fd) });
    prepare(&owned)?;
    Ok(ManuallyDrop::into_inner(owned))
}

/// Who opened the other end of a local socket. `None` if it has no other end.
///
/// `rustix` has it, too, but has no room for a process of another PID namespace, whose id is 0.
pub(crate) fn peer_uid(socket: BorrowedFd<'_>) -> Option<u32> {
    let mut peer = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut len = size_of_val(&peer) as libc::socklen_t;
    // SAFETY: the kernel writes `len` octets at most.
    let result = unsafe {
        let peer = (&raw mut peer).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, peer, &mut len)
    };
    // A socket that is not connected has nobody, who has this number.
    (result == 0 && peer.uid != u32::MAX).then_some(peer.uid)
}

/// How long the machine has been up, for what must not take too long. The clock of `std` is the
/// same, and brings some kilobytes of other things with it.
pub(crate) fn uptime() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes this one value.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// `octets!(data, len)`: the octets that the caller hands in.
macro_rules! octets {
    ($data:expr, $len:expr) => {
        // SAFETY: the caller of the exported function promises it; see the header's conventions.
        unsafe { crate::guard::octets_of($data, $len) }?
    };
}
pub(crate) use octets;

/// `fill!(buf, cap, need, octets)`: the two-call pattern.
macro_rules! fill {
    ($buf:expr, $cap:expr, $need:expr, $octets:expr) => {
        // SAFETY: the caller of the exported function promises it; see the header's conventions.
        unsafe { crate::guard::fill_buffer($buf, $cap, $need, $octets) }
    };
}
pub(crate) use fill;

/// Seconds since 1970 as C hands them in.
pub(crate) fn time(seconds: i64) -> Result<UnixTime> {
    u64::try_from(seconds).map(UnixTime).map_err(|_| MTASTS_E_TIME)
}

/// Seconds since 1970 as C gets them.
pub(crate) fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// Panics if the test of the boundary asked for it. Only a test build has this.
#[cfg(not(mtasts_forced_panic))]
fn forced_panic() {}

#[cfg(mtasts_forced_panic)]
fn forced_panic() {
    if forced::NEXT.replace(false) {
        panic!("forced by the test of the boundary");
    }
}

#[cfg(mtasts_forced_panic)]
mod forced {
    use core::cell::Cell;

    thread_local! {
        pub(super) static NEXT: Cell<bool> = const { Cell::new(false) };
    }

    /// The next call of this thread that takes an object or octets panics.
    #[unsafe(no_mangle)]
    extern "C" fn mtasts_test_panic_next() {
        NEXT.set(true);
    }
}
