// Plays the scenarios of fetch_rules.json that need nothing but the lookup machine, in any runtime. The rules are those of
// tests/vectors/README.md; each scenario gives an outcome for each step.

const BASE = 1_800_000_000;
const INTENTS = { refresh: "refresh", "deliver-last-attempt": "before-bounce" };
const PIECE = 1000;
const PADDING = "x-pad: x\n";

const utf8 = (text) => new TextEncoder().encode(text);
const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const octets = (string) => (typeof string === "string" ? utf8(string) : fromBase64(string.b64));
const sameOctets = (a, b) => a.length === b.length && a.every((octet, at) => octet === b[at]);

export function play(mtaSts, scenario) {
  const cache = new Map();
  const domain = normal(mtaSts, scenario.policy_domain);
  const { cache: cached, policies } = scenario;
  if (domain && cached?.policy) {
    const times = { fetchedAt: BASE + cached.fetched_at, checkedAt: BASE + cached.checked_at };
    cache.set(domain, mtaSts.importEntry({ domain, id: cached.id, policy: policies[cached.policy].text, ...times }));
  } else if (domain && cached?.entry_text !== undefined) {
    const entry = utf8(cached.entry_text);
    // What does not decode is no entry.
    if (mtaSts.inspectEntry(entry, domain, BASE).ok) cache.set(domain, entry);
  }
  return scenario.steps.map((step) => playStep(mtaSts, scenario, step, cache));
}

const normal = ({ checkDomain }, name) => checkDomain(name).domain ?? null;

function playStep(mtaSts, scenario, step, cache) {
  // Entries are octets all the time.
  if (step.event === "restart") return {};
  const domain = normal(mtaSts, step.next_hop ?? step.policy_domain ?? scenario.policy_domain);
  if (domain === null) {
    return { decision: "no-policy", cached_after: null, http_requested: false, http_requests: 0, tlsrpt_result_types: [], alert_admin: false, asked: [] };
  }
  const now = BASE + step.t;
  const { recheck_after: recheckAfter, backoff, max_body: maxBody } = scenario.sender;
  const before = cache.get(domain) ?? null;
  const intent = INTENTS[step.event] ?? "deliver";
  const lookup = new mtaSts.Lookup(domain, { entry: before, intent, config: { recheckAfter, backoff, maxBody }, now });
  const asked = [];
  let requests = 0;
  for (let want = lookup.want(); want.want !== "nothing"; want = lookup.want()) {
    if (want.want === "txt") {
      const name = want.name.replace(/\.$/, "");
      asked.push(name);
      answerTxt(lookup, step, name, now);
    } else {
      requests += 1;
      if (want.url !== `https://mta-sts.${domain}/.well-known/mta-sts.txt` || !step.http) throw new Error(`${want.url} was asked for`);
      answerHttps(lookup, scenario, step.http, now);
    }
  }
  const outcome = lookup.outcome();
  const applied = outcome.decision === "no-policy" ? null : lookup.policy();
  const decision = applied === null ? "no-policy" : `apply:${nameOf(mtaSts, scenario, applied.body())}`;
  applied?.free();
  const entry = lookup.apply(before, now);
  lookup.free();
  if (entry === null) cache.delete(domain);
  else cache.set(domain, entry);
  const held = entry && mtaSts.entryBody(entry, domain);
  return {
    decision,
    cached_after: held ? nameOf(mtaSts, scenario, held) : null,
    http_requested: requests > 0,
    http_requests: requests,
    tlsrpt_result_types: outcome.tlsrptResult === null ? [] : [outcome.tlsrptResult],
    alert_admin: outcome.alert !== null,
    asked,
  };
}

function answerTxt(lookup, { dns }, name, now) {
  const answer = dns[name];
  if (!answer) throw new Error(`${name} was asked for`);
  if (answer.answer === "cname") answerTxt(lookup, { dns }, answer.target, now);
  else if (answer.answer === "absent") lookup.txtAbsent(now);
  else if (answer.answer === "temp-fail") lookup.txtTempFail(now);
  else lookup.txt(answer.records.map((record) => record.map(octets)), now);
}

function answerHttps(lookup, { policies }, http, now) {
  const why = failureOf(http);
  if (why) return lookup.httpsFailed(why, now);
  const head = { status: http.status, contentType: http.content_type ?? [], contentEncoding: http.content_encoding ?? [] };
  if (!lookup.httpsHead(head, now)) return;
  const body = bodyOf(http, policies);
  for (let at = 0; at < body.length; at += PIECE) if (!lookup.httpsBody(body.subarray(at, at + PIECE), now)) return;
  if (http.endless) {
    while (lookup.httpsBody(PADDING, now));
    return;
  }
  if (http.outcome === "truncated") lookup.httpsFailed("incomplete", now);
  else lookup.httpsEnd(now);
}

function failureOf({ outcome, reason, tls }) {
  if (outcome === "connect-error") return reason === "no-address" ? "dns" : "connect";
  if (outcome === "timeout") return "timeout";
  if (outcome === "tls-error") return ["tls1.1-only", "handshake-failure"].includes(tls?.kind) ? "tls" : "certificate";
  return undefined;
}

function bodyOf({ body, body_bytes: size = 0 }, policies) {
  const text = body?.policy === undefined ? (body?.text ?? "") : policies[body.policy].text;
  const missing = size - utf8(text).length - "x-pad: \n".length;
  return utf8(missing < 0 ? text : `${text}x-pad: ${"x".repeat(missing)}\n`);
}

/** The scenario's name for a policy: that of the same text, else of the same meaning. */
function nameOf({ parsePolicy }, { policies }, body) {
  const names = Object.keys(policies);
  const meaning = (text) => JSON.stringify(parsePolicy(text).policy);
  const bySame = names.find((name) => sameOctets(utf8(policies[name].text), body));
  return bySame ?? names.find((name) => meaning(policies[name].text) === meaning(body)) ?? "?";
}

/** Whether the steps are those that are preferred, or acceptable ones. */
export const agrees = (expect, got) => expect.steps.length === got.length && expect.steps.every((step, at) => stepAgrees(step, got[at]));

const stepAgrees = (step, got) => [step, ...(step.acceptable ?? [])].some((outcome) => matches(outcome, got));

const matches = (outcome, got) => Object.entries(outcome).every(([key, expected]) => keyAgrees(key, expected, got));

function keyAgrees(key, expected, got) {
  if (["acceptable", "note", "strictness"].includes(key)) return true;
  if (key === "tlsrpt_result_types") return got[key].length > 0 ? got[key].every((type) => expected.includes(type)) : expected.includes(null);
  if (key === "http_requests_max") return got.http_requests <= expected;
  if (key === "queried") return expected.every((name) => got.asked.includes(name));
  if (key === "not_queried") return !expected.some((name) => got.asked.includes(name));
  return JSON.stringify(expected) === JSON.stringify(got[key]);
}
