//! A few values: up to three stand where they are kept, in no allocation of their own. Caches hold
//! many policies, and few of those have more MX patterns.

#[cfg(not(target_family = "wasm"))]
pub(crate) type Few<T> = smallvec::SmallVec<[T; 3]>;

/// There people download the code, which is smaller so.
#[cfg(target_family = "wasm")]
pub(crate) type Few<T> = alloc::vec::Vec<T>;
