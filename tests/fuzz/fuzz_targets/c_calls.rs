//! Any calls in any order through the C functions come to what the core comes to.
#![no_main]

use core::mem::MaybeUninit;
use mta_sts_core::{
    Config, Decision, Domain, Entry, FetchError, HttpsHead, Intent, Lookup, OutOfTurn, Policy, RecordId, Txt,
    TxtRecords, UnixTime, Want,
};
use mtasts::*;
use std::ptr;

const NAME: &str = "example.com";
const POLICY: &[u8] = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n";
const FETCHED_AT: i64 = 1_800_000_000;

libfuzzer_sys::fuzz_target!(|script: (u32, u8, bool, Vec<(u8, Vec<u8>)>)| {
    let (age, intent, cached, calls) = script;
    let now = FETCHED_AT + i64::from(age % 100_000);
    let entry = cached.then(|| {
        let id = RecordId::new("a").expect("an id");
        let time = UnixTime(FETCHED_AT as u64);
        Entry::import(&domain(), id, Policy::parse(POLICY).expect("a policy"), time, time)
    });
    let intents = [Intent::Deliver, Intent::BeforeBounce, Intent::Refresh];
    let intent = usize::from(intent % 3);
    let in_c = start_in_c(entry.as_ref(), intent as u32 + 1, now);
    let mut in_rust = Lookup::new(&domain(), entry, intents[intent], Config::default(), time(now));
    let mut records = TxtRecords::new();
    for (call, text) in calls {
        let expected = call_rust(&mut in_rust, &mut records, call, &text, time(now));
        let got = call_c(in_c, call, &text, now);
        assert_eq!(got == MTASTS_OK, expected.is_ok(), "call {}: {got}", call % 8);
        compare(in_c, &in_rust, now);
    }
    // SAFETY: it came from mtasts_lookup_new and is used no more.
    mtasts_lookup_free(Some(unsafe { Box::from_raw(in_c) }));
});

fn domain() -> Domain {
    Domain::from_ascii(NAME).expect("a domain")
}

fn time(seconds: i64) -> UnixTime {
    UnixTime(seconds as u64)
}

fn start_in_c(entry: Option<&Entry>, intent: mtasts_intent, now: i64) -> *mut mtasts_lookup {
    let cached = entry.map(|entry| {
        let bytes = entry.encode();
        // SAFETY: pointers and lengths belong together.
        let decode = |out: &mut MaybeUninit<_>| unsafe {
            mtasts_entry_decode(bytes.as_ptr(), bytes.len(), NAME.as_ptr().cast(), NAME.len(), Some(out))
        };
        // SAFETY: the caller's from now on.
        unsafe { Box::from_raw(answer(decode).expect("the entry decodes")) }
    });
    // SAFETY: as above.
    let new = |out: &mut MaybeUninit<_>| unsafe {
        mtasts_lookup_new(NAME.as_ptr().cast(), NAME.len(), cached.as_deref(), intent, None, now, Some(out))
    };
    let lookup = answer(new).expect("the lookup starts");
    mtasts_entry_free(cached);
    lookup
}

/// What a function gives through its out parameter.
fn answer<T>(call: impl FnOnce(&mut MaybeUninit<T>) -> mtasts_result) -> Result<T, mtasts_result> {
    let mut out = MaybeUninit::uninit();
    match call(&mut out) {
        // SAFETY: outs are written if MTASTS_OK is returned.
        MTASTS_OK => Ok(unsafe { out.assume_init() }),
        code => Err(code),
    }
}

fn call_rust(
    lookup: &mut Lookup,
    records: &mut TxtRecords,
    call: u8,
    text: &[u8],
    now: UnixTime,
) -> Result<(), OutOfTurn> {
    let head = |status| HttpsHead { status, content_type: &[], content_encoding: &[] };
    match call % 8 {
        0 => match lookup.want() {
            Want::Txt { .. } => Ok(records.push([text])),
            _ => Err(OutOfTurn),
        },
        1 => lookup.txt(Txt::Records(records), now),
        2 => lookup.txt(Txt::TempFail, now),
        3 => lookup.https_head(&head(200), now).map(drop),
        4 => lookup.https_head(&head(404), now).map(drop),
        5 => lookup.https_body(text, now).map(drop),
        6 => lookup.https_end(now),
        _ => lookup.https_failed(FetchError::Tls, now),
    }
}

fn call_c(lookup: *mut mtasts_lookup, call: u8, text: &[u8], now: i64) -> mtasts_result {
    // SAFETY: the lookup is alive, and nothing else borrows it.
    let lookup = unsafe { lookup.as_mut() };
    let mut more = MaybeUninit::uninit();
    match call % 8 {
        // SAFETY: pointer and length belong together.
        0 => unsafe { mtasts_lookup_txt_record(lookup, text.as_ptr().cast(), text.len()) },
        1 => mtasts_lookup_txt_end(lookup, MTASTS_TXT_RECORDS, now),
        2 => mtasts_lookup_txt_end(lookup, MTASTS_TXT_TEMPFAIL, now),
        3 => mtasts_lookup_https_head(lookup, 200, now, Some(&mut more)),
        4 => mtasts_lookup_https_head(lookup, 404, now, Some(&mut more)),
        // SAFETY: as above.
        5 => unsafe { mtasts_lookup_https_body(lookup, text.as_ptr(), text.len(), now, Some(&mut more)) },
        6 => mtasts_lookup_https_end(lookup, now),
        _ => mtasts_lookup_https_failed(lookup, MTASTS_FAILURE_TLS, now),
    }
}

fn compare(in_c: *mut mtasts_lookup, in_rust: &Lookup, now: i64) {
    // SAFETY: the lookup is alive, and is only read here.
    let c = unsafe { in_c.as_ref() };
    let want = match in_rust.want() {
        Want::Txt { .. } => MTASTS_WANT_TXT,
        Want::Https { .. } => MTASTS_WANT_HTTPS,
        Want::Nothing => MTASTS_WANT_NOTHING,
    };
    assert_eq!(answer(|out| mtasts_lookup_want(c, Some(out))), Ok(want));
    let decided = in_rust.decision();
    let expected = decided.map(|decision| match decision {
        Decision::NoPolicy => MTASTS_DECISION_NO_POLICY,
        Decision::Testing(_) => MTASTS_DECISION_TESTING,
        Decision::Enforce(_) => MTASTS_DECISION_ENFORCE,
    });
    assert_eq!(answer(|out| mtasts_lookup_decision(c, Some(out))), expected.ok_or(MTASTS_E_OUT_OF_TURN));
    let Some(outcome) = in_rust.outcome() else { return };
    let expected = Entry::apply(None, &domain(), &outcome.cache, time(now)).map(|entry| entry.encode());
    let applied = answer(|out| mtasts_lookup_apply(c, None, now, Some(out))).ok().map(|entry| {
        // SAFETY: the caller's from now on.
        let entry = unsafe { Box::from_raw(entry) };
        // SAFETY: NULL asks for the length.
        let len = answer(|out| unsafe { mtasts_entry_encode(Some(&entry), ptr::null_mut(), 0, Some(out)) });
        let mut bytes = vec![0; len.expect("a length")];
        // SAFETY: pointer and length belong together.
        let fill =
            |out: &mut _| unsafe { mtasts_entry_encode(Some(&entry), bytes.as_mut_ptr(), bytes.len(), Some(out)) };
        answer(fill).expect("it fits");
        mtasts_entry_free(Some(entry));
        bytes
    });
    assert_eq!(applied, expected);
}
