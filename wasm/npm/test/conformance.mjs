// The package as a face of the conformance runner: a JSON request a line comes in, a JSON answer a line goes out.
// Answers have the shape of the vectors' outcomes; what throws becomes {"error": text}. Octets are base64.
//
//   {"kind":"policy","body_b64":…}             {"kind":"txt"|"tlsrpt","records":[[b64,…],…]}
//   {"kind":"mx","pattern":…,"host":…}         {"kind":"report","b64":…}
//   {"kind":"lookup","op":…}                   see `operations`
import { createInterface } from "node:readline";
import * as mtaSts from "mta-sts";
import { outcomes, reportFields } from "./vectors.mjs";

const octets = (b64) => Buffer.from(b64, "base64");
const base64 = (octets) => (octets === null ? null : Buffer.from(octets).toString("base64"));
const rrset = (records) => records.map((record) => record.map(octets));

const kinds = {
  policy: (input) => outcomes["policies.json"](mtaSts, input),
  mx: (input) => outcomes["mx_match.json"](mtaSts, input),
  txt({ records }) {
    const { ok, id = null } = mtaSts.parseTxt(rrset(records));
    return { ok, id };
  },
  tlsrpt({ records }) {
    const { ok, rua = [] } = mtaSts.parseTlsrpt(rrset(records));
    return { ok, usable: rua };
  },
  report({ b64 }) {
    const { ok, report } = mtaSts.parseReport(octets(b64));
    return { ok, fields: ok ? reportFields(report) : {} };
  },
  lookup({ op, ...input }) {
    if (!Object.hasOwn(operations, op)) throw new Error(`there is no op ${op}`);
    return operations[op](input);
  },
};

const lookups = new Map();
let last = 0;

/** Of a lookup all happens at the time of its start. */
const held = ({ lookup }) => lookups.get(lookup) ?? fail(`there is no lookup ${lookup}`);

const operations = {
  /** The normal form of a policy domain, or null. */
  domain({ name }) {
    return { domain: mtaSts.checkDomain(name).domain ?? null };
  },
  import({ domain, id, body_b64, fetched_at, checked_at }) {
    const known = { domain, id, policy: octets(body_b64), fetchedAt: fetched_at, checkedAt: checked_at };
    return { entry: base64(mtaSts.importEntry(known)) };
  },
  /** Whether stored octets are an entry of the domain, and the body of the policy that it holds. */
  inspect({ entry, domain, now }) {
    const stored = octets(entry);
    const { ok, error, ...contents } = mtaSts.inspectEntry(stored, domain, now);
    return ok
      ? { ok, ...contents, body_b64: base64(mtaSts.entryBody(stored, domain)) }
      : { ok, message: error.message };
  },
  start({ domain, entry, intent, config = {}, now }) {
    const { recheck_after: recheckAfter, backoff, max_body: maxBody } = config;
    const options = { entry: entry ? octets(entry) : null, intent, config: { recheckAfter, backoff, maxBody }, now };
    lookups.set(++last, { it: new mtaSts.Lookup(domain, options), now });
    return { lookup: last };
  },
  want: (input) => held(input).it.want(),
  txt: (input) => done(input, (it, now) => it.txt(rrset(input.records), now)),
  txt_absent: (input) => done(input, (it, now) => it.txtAbsent(now)),
  txt_tempfail: (input) => done(input, (it, now) => it.txtTempFail(now)),
  /** `fields` holds all header fields, as pairs of name and value. */
  head(input) {
    const { it, now } = held(input);
    const values = (wanted) => input.fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
    const head = {
      status: input.status,
      contentType: values("content-type"),
      contentEncoding: values("content-encoding"),
    };
    return { more: it.httpsHead(head, now) };
  },
  body(input) {
    const { it, now } = held(input);
    return { more: it.httpsBody(octets(input.b64), now) };
  },
  end: (input) => done(input, (it, now) => it.httpsEnd(now)),
  failed: (input) => done(input, (it, now) => it.httpsFailed(input.reason, now)),
  provisional: (input) => ({ provisional: held(input).it.provisional() }),
  /** The outcome, with the body of the policy that applies. */
  outcome(input) {
    const { it } = held(input);
    const outcome = it.outcome();
    if (outcome === null) return { outcome };
    const policy = outcome.decision === "no-policy" ? null : it.policy();
    const applied = policy === null ? null : base64(policy.body());
    policy?.free();
    return { outcome, applied };
  },
  /** What the cache, which holds `current`, must hold from now on. */
  apply(input) {
    const { it, now } = held(input);
    return { entry: base64(it.apply(input.current ? octets(input.current) : null, now)) };
  },
  free(input) {
    held(input).it.free();
    lookups.delete(input.lookup);
    return {};
  },
};

function done(input, answer) {
  const { it, now } = held(input);
  answer(it, now);
  return {};
}

function fail(message) {
  throw new Error(message);
}

function answer(line) {
  try {
    const { kind, ...input } = JSON.parse(line);
    if (!Object.hasOwn(kinds, kind)) throw new Error(`there is no kind ${kind}`);
    return kinds[kind](input);
  } catch (error) {
    return { error: error.code ? `${error.code}: ${error.message}` : String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(line))}\n`);
}
