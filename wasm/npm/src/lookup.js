import { fewOctets, fields, now as clock, octets, rrset, seconds, text, wholeNumber } from "./arguments.js";
import { MtaStsError, wrongArgument } from "./errors.js";

const INTENTS = ["deliver", "before-bounce", "refresh"];
// Those of `FetchError` that a host can know.
const FETCH_FAILURES = [
  "certificate",
  "connect",
  "dns",
  "http",
  "incomplete",
  "not-allowed",
  "not-tried",
  "timeout",
  "tls",
];
const U32 = 0xffff_ffff;
const PIECE = 1024 * 1024;

export function lookupClass(glue, instance, domainOf, prepared) {
  const start = instance.guard((...args) => glue.Lookup.start(...args));

  return class Lookup {
    #handle;
    #domain;

    constructor(domain, options = {}) {
      const { entry = null, intent = "deliver", config = {}, now = clock() } = fields(options, "options");
      const { recheckAfter = 300, backoff = 300, maxBody = 65_536 } = fields(config, "config");
      this.#domain = domainOf(domain);
      const raw = start(
        this.#domain,
        entryOrNone(entry),
        oneOf(intent, INTENTS, "intent"),
        wholeNumber(recheckAfter, "config.recheckAfter", U32),
        wholeNumber(backoff, "config.backoff", U32),
        wholeNumber(maxBody, "config.maxBody", U32),
        seconds(now, "now"),
      );
      this.#handle = instance.hold(raw);
    }

    get domain() {
      return this.#domain;
    }

    want() {
      return JSON.parse(this.#handle.call("want"));
    }

    txt(records, now = clock()) {
      this.#taken(this.#handle.call("txt", rrset(records), seconds(now, "now")), "the TXT records");
    }

    txtAbsent(now = clock()) {
      this.#taken(this.#handle.call("txt_absent", seconds(now, "now")), "an answer of DNS");
    }

    txtTempFail(now = clock()) {
      this.#taken(this.#handle.call("txt_temp_fail", seconds(now, "now")), "an answer of DNS");
    }

    httpsHead(head, now = clock()) {
      const { status, contentType, contentEncoding } = fields(head, "head");
      const flow = this.#handle.call(
        "https_head",
        wholeNumber(status, "head.status", 999),
        lines(contentType, "head.contentType"),
        lines(contentEncoding, "head.contentEncoding"),
        seconds(now, "now"),
      );
      return this.#flow(flow, "the head of a response");
    }

    httpsBody(piece, now = clock()) {
      const given = octets(piece, "piece");
      const at = seconds(now, "now");
      let wanted = true;
      // In parts, so that a huge one is not copied whole before the limit ends it.
      for (let from = 0; wanted && (from === 0 || from < given.length); from += PIECE) {
        const part = given.subarray(from, from + PIECE);
        wanted = this.#flow(this.#handle.call("https_body", part, at), "a piece of a body");
      }
      return wanted;
    }

    httpsEnd(now = clock()) {
      this.#taken(this.#handle.call("https_end", seconds(now, "now")), "the end of a body");
    }

    httpsFailed(reason, now = clock()) {
      const why = oneOf(reason, FETCH_FAILURES, "reason");
      this.#taken(this.#handle.call("https_failed", why, seconds(now, "now")), "a failed fetch");
    }

    provisional() {
      return parsed(this.#handle.call("provisional"));
    }

    outcome() {
      return parsed(this.#handle.call("outcome"));
    }

    policy() {
      const raw = this.#handle.call("policy");
      return raw === undefined ? null : prepared(raw);
    }

    apply(current, now = clock()) {
      const entry = entryOrNone(current);
      const at = seconds(now, "now");
      this.#taken(this.#handle.call("outcome") !== undefined, "the cache");
      return this.#handle.call("apply", entry, at) ?? null;
    }

    free() {
      this.#handle.free();
    }

    #flow(flow, what) {
      this.#taken(flow !== 0, what);
      return flow === 1;
    }

    #taken(taken, what) {
      if (taken) return;
      const { want, name, url } = this.want();
      const next = want === "nothing" ? "it has ended: read outcome()" : `it wants ${want} of ${name ?? url}`;
      throw new MtaStsError("out-of-turn", `the lookup has no use for ${what} now; ${next}. Nothing has changed`);
    }
  };
}

const parsed = (json) => (json === undefined ? null : JSON.parse(json));

const entryOrNone = (entry) => (entry === null || entry === undefined ? undefined : fewOctets(entry, "entry"));

function oneOf(value, words, what) {
  if (!words.includes(value)) throw wrongArgument(what, `one of ${words.join(", ")}`, value);
  return value;
}

/** The values of a header field as the WASM takes them: each after a LF. */
function lines(values, what) {
  const list = Array.isArray(values) ? values : values === null || values === undefined ? [] : [values];
  // A line end within a value is a fold, and stands for a space. RFC 9110 §5.5.
  return list.map((value) => `\n${text(value, what).replace(/[\r\n]+/g, " ")}`).join("");
}
