//! A few values. With the feature `smallvec` up to three stand where they are kept, in no allocation of
//! their own: caches hold many policies, and few of those have more MX patterns.

#[cfg(feature = "smallvec")]
pub(crate) type Few<T> = smallvec::SmallVec<[T; 3]>;

/// It is less code, which counts where it is downloaded or loaded into mail servers.
#[cfg(not(feature = "smallvec"))]
pub(crate) type Few<T> = alloc::vec::Vec<T>;
