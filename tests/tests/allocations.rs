//! What the hot paths must not do is counted, not timed.

use mta_sts_core::{Config, Domain, Entry, Intent, Lookup, MxPattern, Policy, RecordId, UnixTime, Want};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    fmt::Write,
    hint::black_box,
};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts the allocations of each thread.
struct Counting;

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(what: impl FnOnce()) -> usize {
    let before = COUNT.get();
    what();
    COUNT.get() - before
}

fn policy(patterns: usize) -> Policy {
    let mut text = "version: STSv1\nmode: enforce\nmax_age: 604800\n".to_owned();
    for n in 0..patterns {
        writeln!(text, "mx: m{n}").unwrap();
    }
    Policy::parse(text.as_bytes()).unwrap()
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(black_box(vec![1_u8; 100]))) > 0);
}

#[test]
fn matching_allocates_nothing() {
    let policy = policy(5000);
    let counted = allocations(|| {
        assert!(policy.permits_mx(black_box("M4999.")));
        assert!(!policy.permits_mx(black_box("m5000.example.com")));
        assert!(policy.matching_pattern("m7").is_some());
        assert!(MxPattern::parse("*.example.com").unwrap().matches("mx.example.com"));
        assert!(MxPattern::parse("bad..name").is_err());
    });
    assert_eq!(counted, 0);
}

#[test]
fn a_warm_lookup_wants_no_io_and_allocates_nothing() {
    let domain = Domain::from_ascii("example.com").unwrap();
    let now = UnixTime(1_800_000_000);
    let entry = Entry::import(&domain, RecordId::new("a").unwrap(), policy(100), now, now);
    let counted = allocations(|| {
        let lookup = Lookup::new(&domain, Some(black_box(entry)), Intent::Deliver, Config::default(), now.plus(299));
        assert_eq!(lookup.want(), Want::Nothing);
        assert!(lookup.outcome().unwrap().decision.policy().is_some());
    });
    assert_eq!(counted, 0);
}

#[test]
fn parsing_a_policy_allocates_a_constant_number_of_times_for_its_text() {
    let text =
        b"version: STSv1\nmode: enforce\nmx: a.example\nmx: b.example\nmx: c.example\nmx: d.example\nmax_age: 9\n";
    let counted = allocations(|| drop(black_box(Policy::parse(text))));
    assert!(counted <= 3, "{counted}: the text, the patterns, and fitting them");
}
