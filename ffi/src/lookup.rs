//! The lookup machine.

use crate::{
    codes::{
        MTASTS_E_OTHER_DOMAIN, MTASTS_E_OUT_OF_TURN, MTASTS_E_TOO_LARGE, MTASTS_E_VALUE, MTASTS_FAILURE_CERTIFICATE,
        MTASTS_FAILURE_CONNECT, MTASTS_FAILURE_DNS, MTASTS_FAILURE_HTTP, MTASTS_FAILURE_INCOMPLETE,
        MTASTS_FAILURE_NOT_ALLOWED, MTASTS_FAILURE_NOT_TRIED, MTASTS_FAILURE_TIMEOUT, MTASTS_FAILURE_TLS,
        MTASTS_INTENT_BEFORE_BOUNCE, MTASTS_INTENT_DELIVER, MTASTS_INTENT_REFRESH, MTASTS_TXT_ABSENT,
        MTASTS_TXT_RECORDS, MTASTS_TXT_TEMPFAIL, MTASTS_WANT_HTTPS, MTASTS_WANT_NOTHING, MTASTS_WANT_TXT,
        mtasts_answer, mtasts_failure, mtasts_intent, mtasts_result, mtasts_txt_status, mtasts_want,
    },
    config::mtasts_config,
    domain::{answer, domain},
    entry::mtasts_entry,
    guard::{Given, Object, Result, guard, octets, opaque, optional, out, time},
    text::{CText, Lazy, mtasts_str},
    txt::TxtSet,
};
use core::{ffi::c_char, mem::MaybeUninit};
use mta_sts_core::{Domain, FetchError, Flow, HttpsHead, Intent, Lookup, OutOfTurn, Txt, Want};

/// One lookup for one policy domain.
pub struct mtasts_lookup(Object<Machine>);

opaque!(mtasts_lookup => Machine);

pub(crate) struct Machine {
    domain: Domain,
    lookup: Lookup,
    /// The TXT records so far.
    txt: TxtSet,
    /// One of them could not be taken, so what the domain says is not known.
    txt_broken: bool,
    head: Head,
    txt_name: Lazy<CText>,
    https_host: Lazy<CText>,
    https_url: Lazy<CText>,
    failure_text: Lazy<CText>,
}

/// The header fields so far, of those that matter.
#[derive(Default)]
struct Head {
    content_type: Vec<String>,
    content_encoding: Vec<String>,
    octets: usize,
    broken: bool,
    taken: bool,
}

impl Head {
    /// More than this is no response of a policy host.
    const MAX_OCTETS: usize = 8192;

    fn add(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        let values = match name {
            _ if name.eq_ignore_ascii_case(b"content-type") => &mut self.content_type,
            _ if name.eq_ignore_ascii_case(b"content-encoding") => &mut self.content_encoding,
            _ => return Ok(()),
        };
        self.octets = self.octets.saturating_add(name.len()).saturating_add(value.len());
        if self.octets > Self::MAX_OCTETS {
            self.broken = true;
            return Err(MTASTS_E_TOO_LARGE);
        }
        values.push(String::from_utf8_lossy(value).into_owned());
        Ok(())
    }
}

impl Machine {
    fn new(domain: Domain, lookup: Lookup) -> Self {
        let (txt, head) = (TxtSet::default(), Head::default());
        let lazy = Lazy::new;
        Self {
            domain,
            lookup,
            txt,
            txt_broken: false,
            head,
            txt_name: lazy(),
            https_host: lazy(),
            https_url: lazy(),
            failure_text: lazy(),
        }
    }

    fn take_txt(&mut self, take: impl FnOnce(&mut TxtSet) -> Result<()>) -> Result<()> {
        let Want::Txt { .. } = self.lookup.want() else { return Err(MTASTS_E_OUT_OF_TURN) };
        take(&mut self.txt).inspect_err(|_| self.txt_broken = true)
    }
}

fn in_turn<T>(answer: core::result::Result<T, OutOfTurn>) -> Result<T> {
    answer.map_err(|OutOfTurn| MTASTS_E_OUT_OF_TURN)
}

fn goes_on(flow: Flow) -> mtasts_answer {
    answer(flow == Flow::Continue)
}

/// Starts a lookup for a policy domain, which is the domain of the recipient, or the next hop if
/// mail is routed to one (RFC 8461 section 3.4).
///
/// `cached` is what the cache holds for the domain, or NULL; it is not needed any longer
/// afterwards. An entry of another domain is MTASTS_E_OTHER_DOMAIN, a name that is no domain is
/// MTASTS_E_DOMAIN: it has no policy. `config` may be NULL for the defaults. A lookup for a
/// delivery whose cached policy is live and was checked lately wants nothing: there is no IO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lookup_new(
    name: *const c_char,
    name_len: usize,
    cached: Option<&mtasts_entry>,
    intent: mtasts_intent,
    config: Option<&mtasts_config>,
    now: i64,
    lookup: Option<&mut MaybeUninit<*mut mtasts_lookup>>,
) -> mtasts_result {
    guard(|| {
        let lookup = out(lookup)?;
        let (cached, config, name) = (optional(cached)?, optional(config)?, octets!(name, name_len));
        let now = time(now)?;
        let intent = match intent {
            MTASTS_INTENT_DELIVER => Intent::Deliver,
            MTASTS_INTENT_BEFORE_BOUNCE => Intent::BeforeBounce,
            MTASTS_INTENT_REFRESH => Intent::Refresh,
            _ => return Err(MTASTS_E_VALUE),
        };
        let domain = domain(name)?;
        let cached = cached.as_deref().map(|cached| cached.entry.clone());
        if cached.as_ref().is_some_and(|entry| *entry.domain() != domain) {
            return Err(MTASTS_E_OTHER_DOMAIN);
        }
        let config = config.as_deref().copied().unwrap_or_default();
        let started = Lookup::new(&domain, cached, intent, config, now);
        lookup.write(mtasts_lookup::boxed(Machine::new(domain, started)));
        Ok(())
    })
}

/// What the caller must do next. Asking twice gives the same answer. To hand in what is not wanted
/// is MTASTS_E_OUT_OF_TURN and changes nothing.
///
/// MTASTS_WANT_TXT: hand in the records, then mtasts_lookup_txt_end(). MTASTS_WANT_HTTPS: hand in
/// mtasts_lookup_https_field() for each header field, mtasts_lookup_https_head(),
/// mtasts_lookup_https_body() for each piece and mtasts_lookup_https_end(); or
/// mtasts_lookup_https_failed() at any point. MTASTS_WANT_NOTHING: the lookup has ended. Take a
/// number that you do not know for MTASTS_WANT_FAILED.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_want(
    lookup: Option<&mtasts_lookup>,
    want: Option<&mut MaybeUninit<mtasts_want>>,
) -> mtasts_result {
    guard(|| {
        out(want)?.write(match lookup.given()?.lookup.want() {
            Want::Txt { .. } => MTASTS_WANT_TXT,
            Want::Https { .. } => MTASTS_WANT_HTTPS,
            Want::Nothing => MTASTS_WANT_NOTHING,
        });
        Ok(())
    })
}

/// The name whose TXT records are wanted: absolute, with its final dot. Ask for exactly this name,
/// with res_query() and never res_search(); CNAMEs are followed (RFC 8461 section 3.1). It lives
/// as long as the lookup. MTASTS_E_OUT_OF_TURN unless MTASTS_WANT_TXT.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_txt_name(
    lookup: Option<&mtasts_lookup>,
    name: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        let (lookup, name) = (lookup.given()?, out(name)?);
        let Want::Txt { name: wanted } = lookup.lookup.want() else { return Err(MTASTS_E_OUT_OF_TURN) };
        name.write(lookup.txt_name.get_or_init(|| CText::new(wanted)).get());
        Ok(())
    })
}

/// Takes one TXT record, its character-strings joined. A record that cannot be taken
/// (MTASTS_E_TOO_LARGE) makes the answer count as MTASTS_TXT_TEMPFAIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lookup_txt_record(
    lookup: Option<&mut mtasts_lookup>,
    record: *const c_char,
    record_len: usize,
) -> mtasts_result {
    guard(|| {
        let (mut lookup, record) = (lookup.given()?, octets!(record, record_len));
        lookup.take_txt(|txt| txt.add(record))
    })
}

/// Takes one TXT record as it stands in a DNS message: its RDATA, where a length precedes each
/// character-string. A record that cannot be taken (MTASTS_E_FORMAT, MTASTS_E_TOO_LARGE) makes
/// the answer count as MTASTS_TXT_TEMPFAIL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lookup_txt_rdata(
    lookup: Option<&mut mtasts_lookup>,
    rdata: *const u8,
    rdata_len: usize,
) -> mtasts_result {
    guard(|| {
        let (mut lookup, rdata) = (lookup.given()?, octets!(rdata, rdata_len));
        lookup.take_txt(|txt| txt.add_rdata(rdata))
    })
}

/// Ends the answer to MTASTS_WANT_TXT: with MTASTS_TXT_RECORDS if records were handed in (without
/// any it means the same as MTASTS_TXT_ABSENT), MTASTS_TXT_ABSENT if there are none,
/// MTASTS_TXT_TEMPFAIL if that is not known.
/// MTASTS_E_VALUE for MTASTS_TXT_ABSENT after records: nothing is changed.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_txt_end(
    lookup: Option<&mut mtasts_lookup>,
    status: mtasts_txt_status,
    now: i64,
) -> mtasts_result {
    guard(|| {
        let mut lookup = lookup.given()?;
        let now = time(now)?;
        let Machine { lookup, txt, txt_broken, .. } = &mut *lookup;
        let Want::Txt { .. } = lookup.want() else { return Err(MTASTS_E_OUT_OF_TURN) };
        let answer = match status {
            MTASTS_TXT_RECORDS | MTASTS_TXT_TEMPFAIL if *txt_broken => Txt::TempFail,
            MTASTS_TXT_TEMPFAIL => Txt::TempFail,
            MTASTS_TXT_RECORDS => Txt::Records(txt.records()),
            MTASTS_TXT_ABSENT if txt.records().is_empty() && !*txt_broken => Txt::Absent,
            _ => return Err(MTASTS_E_VALUE),
        };
        in_turn(lookup.txt(answer, now))
    })
}

/// The policy host: what SNI carries and what the certificate must name as a DNS-ID, never only as
/// its CN, without a final dot (RFC 8461 section 3.3). It lives as long as the lookup. MTASTS_E_OUT_OF_TURN unless
/// MTASTS_WANT_HTTPS.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_https_host(
    lookup: Option<&mtasts_lookup>,
    host: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        let (lookup, host) = (lookup.given()?, out(host)?);
        let Want::Https { host: wanted, .. } = lookup.lookup.want() else { return Err(MTASTS_E_OUT_OF_TURN) };
        host.write(lookup.https_host.get_or_init(|| CText::new(wanted)).get());
        Ok(())
    })
}

/// The URL to GET: with a verified certificate, following no redirects, from no HTTP cache, in
/// about a minute at most (RFC 8461 section 3.3). It lives as long as the lookup.
/// MTASTS_E_OUT_OF_TURN unless MTASTS_WANT_HTTPS.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_https_url(
    lookup: Option<&mtasts_lookup>,
    url: Option<&mut MaybeUninit<mtasts_str>>,
) -> mtasts_result {
    guard(|| {
        let (lookup, url) = (lookup.given()?, out(url)?);
        let Want::Https { url: wanted, .. } = lookup.lookup.want() else { return Err(MTASTS_E_OUT_OF_TURN) };
        url.write(lookup.https_url.get_or_init(|| CText::new(wanted)).get());
        Ok(())
    })
}

/// Takes a header field of the final response, before mtasts_lookup_https_head(). Fields that do
/// not matter are passed over, so all of them can be handed in. If the ones that matter are larger
/// than 8192 octets: MTASTS_E_TOO_LARGE, and the head will be refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lookup_https_field(
    lookup: Option<&mut mtasts_lookup>,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
) -> mtasts_result {
    guard(|| {
        let mut lookup = lookup.given()?;
        let (name, value) = (octets!(name, name_len), octets!(value, value_len));
        match lookup.lookup.want() {
            Want::Https { .. } if !lookup.head.taken => lookup.head.add(name, value),
            _ => Err(MTASTS_E_OUT_OF_TURN),
        }
    })
}

/// Takes the status of the final response, not of an interim one (1xx), and ends its header
/// fields. `more` is MTASTS_YES if the body is wanted. MTASTS_NO: the fetch has failed and the
/// lookup has ended; close the connection.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_https_head(
    lookup: Option<&mut mtasts_lookup>,
    status: u32,
    now: i64,
    more: Option<&mut MaybeUninit<mtasts_answer>>,
) -> mtasts_result {
    guard(|| {
        let mut lookup = lookup.given()?;
        let (more, now) = (out(more)?, time(now)?);
        let status = u16::try_from(status).map_err(|_| MTASTS_E_VALUE)?;
        let Machine { lookup, head, .. } = &mut *lookup;
        let flow = if head.broken {
            in_turn(lookup.https_failed(FetchError::Http, now)).map(|()| Flow::Stop)
        } else {
            let content_type: Vec<_> = head.content_type.iter().map(String::as_str).collect();
            let content_encoding: Vec<_> = head.content_encoding.iter().map(String::as_str).collect();
            let taken = HttpsHead { status, content_type: &content_type, content_encoding: &content_encoding };
            in_turn(lookup.https_head(&taken, now))
        }?;
        *head = Head { taken: true, ..Head::default() };
        more.write(goes_on(flow));
        Ok(())
    })
}

/// Takes a piece of the body. What `more` says is as for mtasts_lookup_https_head(): MTASTS_NO if
/// the body is over the limit. It is not cut; the fetch has failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lookup_https_body(
    lookup: Option<&mut mtasts_lookup>,
    piece: *const u8,
    piece_len: usize,
    now: i64,
    more: Option<&mut MaybeUninit<mtasts_answer>>,
) -> mtasts_result {
    guard(|| {
        let mut lookup = lookup.given()?;
        let (piece, more) = (octets!(piece, piece_len), out(more)?);
        more.write(goes_on(in_turn(lookup.lookup.https_body(piece, time(now)?))?));
        Ok(())
    })
}

/// Ends the body. The caller promises that it is complete: by its Content-Length, the last chunk,
/// END_STREAM or close_notify. Anything else is MTASTS_FAILURE_INCOMPLETE. Not every HTTP library
/// tells a body that was cut off from one that ended.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_https_end(lookup: Option<&mut mtasts_lookup>, now: i64) -> mtasts_result {
    guard(|| in_turn(lookup.given()?.lookup.https_end(time(now)?)))
}

/// Ends the fetch, which has failed. `why` is one of MTASTS_FAILURE_CERTIFICATE,
/// MTASTS_FAILURE_CONNECT, MTASTS_FAILURE_DNS, MTASTS_FAILURE_HTTP, MTASTS_FAILURE_INCOMPLETE,
/// MTASTS_FAILURE_NOT_ALLOWED, MTASTS_FAILURE_NOT_TRIED, MTASTS_FAILURE_TIMEOUT and
/// MTASTS_FAILURE_TLS. The others are the library's to find: MTASTS_E_VALUE.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_https_failed(
    lookup: Option<&mut mtasts_lookup>,
    why: mtasts_failure,
    now: i64,
) -> mtasts_result {
    guard(|| {
        let mut lookup = lookup.given()?;
        let why = match why {
            MTASTS_FAILURE_CERTIFICATE => FetchError::Certificate,
            MTASTS_FAILURE_CONNECT => FetchError::Connect,
            MTASTS_FAILURE_DNS => FetchError::Dns,
            MTASTS_FAILURE_HTTP => FetchError::Http,
            MTASTS_FAILURE_INCOMPLETE => FetchError::Incomplete,
            MTASTS_FAILURE_NOT_ALLOWED => FetchError::NotAllowed,
            MTASTS_FAILURE_NOT_TRIED => FetchError::NotTried,
            MTASTS_FAILURE_TIMEOUT => FetchError::Timeout,
            MTASTS_FAILURE_TLS => FetchError::Tls,
            _ => return Err(MTASTS_E_VALUE),
        };
        in_turn(lookup.lookup.https_failed(why, time(now)?))
    })
}

/// Frees a lookup, ended or not.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_free(lookup: Option<Box<mtasts_lookup>>) {
    guard(|| {
        drop(lookup);
        Ok(())
    });
}

mod outcome;

pub use outcome::*;
