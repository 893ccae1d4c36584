//! The lookup machine.

use crate::{
    json::Object,
    policy::{Policy, describe},
    time,
    txt::records,
};
use mta_sts_core::{
    CacheOp, Config, Decision, Domain, Entry, Failure, FetchError, Flow, HttpsHead, Intent, Lookup as CoreLookup,
    Outcome, Txt, Want,
};
use wasm_bindgen::prelude::wasm_bindgen;

/// One lookup for one policy domain.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Lookup {
    domain: Domain,
    lookup: CoreLookup,
}

#[wasm_bindgen]
impl Lookup {
    /// Starts a lookup; nothing if the name is no domain or the intent is none of `deliver`,
    /// `before-bounce`, `refresh`. An entry that does not decode is no entry.
    #[must_use]
    pub fn start(
        name: &str,
        entry: Option<Vec<u8>>,
        intent: &str,
        recheck_after: u32,
        backoff: u32,
        max_body: u32,
        now: f64,
    ) -> Option<Lookup> {
        let domain = Domain::from_ascii(name).ok()?;
        let intent = match intent {
            "deliver" => Intent::Deliver,
            "before-bounce" => Intent::BeforeBounce,
            "refresh" => Intent::Refresh,
            _ => return None,
        };
        let cached = entry.and_then(|entry| Entry::decode(&entry, &domain).ok());
        let config = Config { recheck_after, backoff, max_body: max_body as usize };
        let lookup = CoreLookup::new(&domain, cached, intent, config, time(now));
        Some(Self { domain, lookup })
    }

    /// `{want: "txt", name}`, `{want: "https", url, host, maxBody}` or `{want: "nothing"}`.
    #[must_use]
    pub fn want(&self) -> String {
        let mut object = Object::new();
        match self.lookup.want() {
            Want::Txt { name } => object.text("want", "txt").text("name", name),
            Want::Https { url, host, max_body } => {
                object.text("want", "https").text("url", url).text("host", host).size("maxBody", max_body)
            }
            Want::Nothing => object.text("want", "nothing"),
        }
        .end()
    }

    /// Takes the RRset. False if it is not wanted.
    pub fn txt(&mut self, rrset: &[u8], now: f64) -> bool {
        self.lookup.txt(Txt::Records(&records(rrset)), time(now)).is_ok()
    }

    /// There is no record. False if that is not wanted.
    pub fn txt_absent(&mut self, now: f64) -> bool {
        self.lookup.txt(Txt::Absent, time(now)).is_ok()
    }

    /// It is not known whether there are records. False if that is not wanted.
    pub fn txt_temp_fail(&mut self, now: f64) -> bool {
        self.lookup.txt(Txt::TempFail, time(now)).is_ok()
    }

    /// Takes the head; each value of a header field begins with a LF. 0 out of turn, 1 if the body
    /// is wanted, 2 if the fetch has failed.
    pub fn https_head(&mut self, status: u16, content_type: &str, content_encoding: &str, now: f64) -> u32 {
        let (content_type, content_encoding) = (values(content_type), values(content_encoding));
        let head = HttpsHead { status, content_type: &content_type, content_encoding: &content_encoding };
        flow(self.lookup.https_head(&head, time(now)).ok())
    }

    /// Takes a piece of the body. As `https_head`.
    pub fn https_body(&mut self, piece: &[u8], now: f64) -> u32 {
        flow(self.lookup.https_body(piece, time(now)).ok())
    }

    /// The body is complete. False if that is not wanted.
    pub fn https_end(&mut self, now: f64) -> bool {
        self.lookup.https_end(time(now)).is_ok()
    }

    /// The fetch failed. False if none is wanted, or the reason is none that a host can know.
    pub fn https_failed(&mut self, why: &str, now: f64) -> bool {
        const REASONS: [FetchError; 9] = [
            FetchError::Certificate,
            FetchError::Connect,
            FetchError::Dns,
            FetchError::Http,
            FetchError::Incomplete,
            FetchError::NotAllowed,
            FetchError::NotTried,
            FetchError::Timeout,
            FetchError::Tls,
        ];
        let why = REASONS.iter().find(|reason| reason.as_str() == why);
        why.is_some_and(|&why| self.lookup.https_failed(why, time(now)).is_ok())
    }

    /// `{decision, policy}` of the live cached policy, if there is one.
    #[must_use]
    pub fn provisional(&self) -> Option<String> {
        let decision = self.lookup.provisional()?;
        let mut object = Object::new();
        add_decision(&mut object, &decision);
        Some(object.end())
    }

    /// `{decision, policy, cache, failure, tlsrptResult, nextCheck, alert, confirmsBounce}` at the end.
    #[must_use]
    pub fn outcome(&self) -> Option<String> {
        let outcome = self.lookup.outcome()?;
        let result = outcome.result_type().map(|result| result.as_str());
        let mut object = Object::new();
        add_decision(&mut object, &outcome.decision);
        object.text("cache", cache(&outcome.cache));
        match &outcome.failure {
            Some(why) => object.raw("failure", &failure(why)),
            None => object.null("failure"),
        };
        object
            .optional_text("tlsrptResult", result)
            .number("nextCheck", outcome.next_check.0)
            .optional_number("alert", outcome.alert)
            .boolean("confirmsBounce", outcome.confirms_bounce());
        Some(object.end())
    }

    /// The policy of the decision, at the end or of what is cached and live.
    #[must_use]
    pub fn policy(&self) -> Option<Policy> {
        self.lookup.decision()?.policy().cloned().map(Policy)
    }

    /// The entry that the cache must hold now, if any; `current` is what it holds.
    #[must_use]
    pub fn apply(&self, current: Option<Vec<u8>>, now: f64) -> Option<Vec<u8>> {
        let current = current.and_then(|entry| Entry::decode(&entry, &self.domain).ok());
        let Outcome { cache, .. } = self.lookup.outcome()?;
        Entry::apply(current, &self.domain, cache, time(now)).map(|entry| entry.encode())
    }
}

fn flow(flow: Option<Flow>) -> u32 {
    match flow {
        None => 0,
        Some(Flow::Continue) => 1,
        Some(Flow::Stop) => 2,
    }
}

fn add_decision(object: &mut Object, decision: &Decision) {
    object.text(
        "decision",
        match decision {
            Decision::NoPolicy => "no-policy",
            Decision::Testing(_) => "testing",
            Decision::Enforce(_) => "enforce",
        },
    );
    match decision.policy() {
        Some(policy) => object.raw("policy", &describe(policy)),
        None => object.null("policy"),
    };
}

/// The values of a header field, each after a LF.
fn values(fields: &str) -> Vec<&str> {
    let Some(fields) = fields.strip_prefix('\n') else { return Vec::new() };
    // Split as octets, which takes far less code. What stands between ASCII is still UTF-8.
    fields.as_bytes().split(|&b| b == b'\n').map(|value| str::from_utf8(value).unwrap_or_default()).collect()
}

const fn cache(op: &CacheOp) -> &'static str {
    match op {
        CacheOp::Fetched(_) => "fetched",
        CacheOp::Checked { .. } => "checked",
        CacheOp::Failed(_) => "failed",
        _ => "keep",
    }
}

/// `{kind, detail, at, status, until, message}`.
fn failure(failure: &Failure) -> String {
    let (kind, detail, at) = match failure {
        Failure::BackOff { .. } => ("back-off", None, None),
        Failure::Fetch(FetchError::Policy(error)) => ("policy", Some(error.kind.as_str()), Some(error.at as u64)),
        Failure::Fetch(error) => ("fetch", Some(error.as_str()), None),
        Failure::Record(error) => ("record", Some(error.as_str()), error.at().map(|at| at as u64)),
        _ => ("dns-temporary", None, None),
    };
    let status = if let Failure::Fetch(FetchError::Status(status)) = failure { Some(u64::from(*status)) } else { None };
    let until = if let Failure::BackOff { until, .. } = failure { Some(until.0) } else { None };
    Object::new()
        .text("kind", kind)
        .optional_text("detail", detail)
        .optional_number("at", at)
        .optional_number("status", status)
        .optional_number("until", until)
        .shown("message", failure)
        .end()
}
