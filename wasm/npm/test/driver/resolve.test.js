import assert from "node:assert/strict";
import { test } from "node:test";
import { MtaStsError, inspectEntry, resolve, steps } from "../../src/node.js";
import memory from "../../src/stores/memory.js";
import {
  DOMAIN,
  NOW,
  POLICY,
  RECORD,
  absent,
  blind,
  failed,
  good,
  octets,
  records,
  response,
  stub,
} from "./fixtures.js";

const now = NOW;
const txtIs = (parts) => stub("dns", parts);
const policyIs = (parts) => stub("https", parts);
const lookup = (transports, more) => resolve(DOMAIN, { transports, now, ...more });

test("a policy that is published is the decision", async () => {
  const result = await lookup(good());
  assert.equal(result.decision, "enforce");
  assert.equal(result.domain, DOMAIN);
  assert.equal(result.source, "stub");
  assert.deepEqual(result.policy.mx, ["mx.example.com"]);
  assert.equal(result.outcome.cache, "fetched");
  assert.equal(inspectEntry(result.entry, DOMAIN, NOW).live, true);
  assert.deepEqual(result.unknown, []);
  assert.deepEqual(
    result.evidence.map(({ kind }) => kind),
    ["dns", "https"],
  );
});

test("no record is no policy, and the policy host is not asked", async () => {
  const https = policyIs(response(POLICY));
  const result = await lookup([txtIs(absent), https]);
  assert.equal(result.decision, "no-policy");
  assert.equal(https.asked.length, 0);
  assert.deepEqual(result.unknown, []);
});

for (const code of ["certificate", "connect", "dns", "http", "incomplete", "not-allowed", "timeout", "tls"]) {
  test(`a failure that was seen (${code}) is a fact: no policy, and a back-off`, async () => {
    const result = await lookup([txtIs(records(RECORD)), policyIs(failed(code))]);
    assert.equal(result.decision, "no-policy");
    assert.equal(result.outcome.cache, "failed");
    assert.equal(result.outcome.failure.detail, code);
    assert.deepEqual(result.unknown, []);
  });
}

test("a policy host that cannot be seen is unknown, with ways to supply it, and causes no back-off", async () => {
  const store = memory();
  const result = await lookup([txtIs(records(RECORD)), policyIs(blind("hidden"))], { store });
  assert.equal(result.decision, "unknown");
  assert.equal(result.policy, null);
  assert.equal(result.outcome.cache, "keep");
  assert.equal(result.outcome.failure.detail, "not-tried");
  const [unknown] = result.unknown;
  assert.equal(unknown.what, "policy");
  assert.equal(unknown.reason, "hidden");
  assert.match(unknown.howToSupply.join(), /https:\/\/mta-sts\.example\.com\/\.well-known\/mta-sts\.txt/);
  assert.equal(await store.get(DOMAIN), null);
  assert.equal((await lookup(good(), { store })).decision, "enforce");
});

test("without any transport everything is unknown", async () => {
  const { decision, unknown } = await lookup([]);
  assert.equal(decision, "unknown");
  assert.deepEqual(
    unknown.map(({ what, reason }) => [what, reason]),
    [["txt", "no-transport"]],
  );
  assert.equal((await lookup([])).source, null);
  const half = await lookup([txtIs(records(RECORD))]);
  assert.equal(half.decision, "unknown");
  assert.deepEqual(
    half.unknown.map(({ what, reason }) => [what, reason]),
    [["policy", "no-transport"]],
  );
});

test("DNS that answers SERVFAIL is a fact, DNS that cannot be reached is unknown", async () => {
  assert.equal((await lookup([txtIs(failed("servfail"))])).decision, "no-policy");
  assert.equal((await lookup([txtIs(blind("network"))])).decision, "unknown");
});

test("a live cached policy applies whatever cannot be seen", async () => {
  const store = memory();
  await lookup(good(), { store });
  let later = NOW;
  for (const transports of [
    [],
    [txtIs(blind("network"))],
    [txtIs(records("v=STSv1; id=2;")), policyIs(blind("hidden"))],
  ]) {
    const result = await resolve(DOMAIN, { transports, store, now: (later += 1000) });
    assert.equal(result.decision, "enforce");
    assert.equal(result.source, "cache");
    assert.equal(result.unknown.length, 1);
  }
});

test("a live cached policy of mode none is no policy, also from behind a blind spot", async () => {
  const store = memory();
  const none = "version: STSv1\nmode: none\nmax_age: 604800\n";
  assert.equal((await lookup([txtIs(records(RECORD)), policyIs(response(none))], { store })).decision, "no-policy");
  const result = await resolve(DOMAIN, { store, now: NOW + 1000 });
  assert.equal(result.decision, "no-policy");
  assert.equal(result.source, "cache");
});

test("a policy checked lately is used without any transport", async () => {
  const store = memory();
  await lookup(good(), { store });
  const transports = good();
  const result = await resolve(DOMAIN, { transports, store, now: NOW + 100 });
  assert.equal(result.decision, "enforce");
  assert.equal(transports[0].asked.length, 0);
});

test("transports are asked in order until one sees something", async () => {
  const never = policyIs(response(POLICY));
  const transports = [
    txtIs(blind("network")),
    txtIs(records(RECORD)),
    policyIs(blind("hidden")),
    policyIs(() => Promise.reject(new Error("broken"))),
    policyIs(() => ({ value: { status: 200, body: "text" } })),
    policyIs(failed("certificate")),
    never,
  ];
  const result = await lookup(transports);
  assert.equal(result.decision, "no-policy");
  assert.equal(never.asked.length, 0);
  assert.deepEqual(
    result.evidence.map(({ error }) => error?.code),
    ["network", undefined, "hidden", "transport", "transport", "certificate"],
  );
});

test("a transport that answers nonsense is a blind spot", async () => {
  const nonsense = [
    null,
    5,
    {},
    { kind: "dns" },
    { kind: "https", value: { status: "200" } },
    { kind: "https", error: { code: "made-up" } },
  ];
  for (const answer of nonsense) {
    const result = await lookup([txtIs(records(RECORD)), { kind: "https", name: "odd", run: () => answer }]);
    assert.equal(result.decision, "unknown");
    assert.equal(result.unknown[0].reason, "transport");
  }
});

test("the body's limit, completeness, media type and coding are judged by the machine", async () => {
  const detail = async (parts) => (await lookup([txtIs(records(RECORD)), policyIs(parts)])).outcome.failure.detail;
  assert.equal(await detail(response("x".repeat(65_537))), "too-large");
  assert.equal(await detail(response(POLICY, { complete: false })), "incomplete");
  assert.equal(await detail(response(POLICY, { contentType: ["text/html"] })), "media-type");
  assert.equal(await detail(response(POLICY, { contentEncoding: ["gzip"] })), "encoding");
  assert.equal(await detail(response(POLICY, { status: 301 })), "status");
});

test("queries and time are limited by the budget", async () => {
  const transports = [txtIs(records(RECORD)), policyIs(blind("hidden")), policyIs(response(POLICY))];
  const poor = await lookup(transports, { budget: { queries: 2 } });
  assert.equal(poor.decision, "unknown");
  assert.equal(poor.unknown[0].reason, "budget");
  const hang = stub("dns", () => new Promise(() => {}));
  const began = Date.now();
  const late = await lookup([hang, ...good()], { budget: { ms: 50 } });
  assert.ok(Date.now() - began < 1500);
  assert.equal(late.decision, "unknown");
  assert.deepEqual(
    late.evidence.map(({ error }) => error.code),
    ["budget", "budget"],
  );
});

test("a time-out is a fact only where failures are seen", async () => {
  const hang = (capabilities) => stub("https", () => new Promise(() => {}), { capabilities });
  const timed = (https) => lookup([txtIs(records(RECORD)), https], { timeouts: { https: 20 } });
  assert.equal((await timed(hang(["failures"]))).outcome.failure.detail, "timeout");
  const hidden = await timed(hang([]));
  assert.equal(hidden.decision, "unknown");
  assert.equal(hidden.unknown[0].reason, "timeout");
});

test("the steps are events in order", async () => {
  const types = [];
  for await (const event of steps(DOMAIN, { transports: good(), now })) types.push(event.type);
  assert.deepEqual(types, ["want", "observation", "want", "observation", "decision", "done"]);
});

test("a live cached policy is told at once", async () => {
  const store = memory();
  await lookup(good(), { store });
  const { value } = await steps(DOMAIN, { store, now: NOW + 1000 }).next();
  assert.deepEqual([value.type, value.provisional, value.decision], ["decision", true, "enforce"]);
});

test("wrong arguments are typed errors", async () => {
  const wrong = [
    ["not a domain", {}],
    [undefined, {}],
    [DOMAIN, 5],
    [DOMAIN, { transports: [{}] }],
    [DOMAIN, { transports: [{ kind: "smtp", name: "x", run() {} }] }],
    [DOMAIN, { store: {} }],
    [DOMAIN, { signal: {} }],
    [DOMAIN, { now: NaN }],
    [DOMAIN, { now: () => "soon" }],
    [DOMAIN, { intent: "guess" }],
    [DOMAIN, { budget: { ms: "5" } }],
    [DOMAIN, { timeouts: { txt: -1 } }],
    [DOMAIN, { config: 7 }],
    [DOMAIN, { config: { backoff: 0.5 } }],
  ];
  for (const [domain, options] of wrong) await assert.rejects(resolve(domain, options), MtaStsError);
});

test("octets that are taken away while the lookup runs are a typed error, and harm nothing", async () => {
  const body = octets(POLICY);
  structuredClone(body, { transfer: [body.buffer] });
  const detached = response("", { body });
  await assert.rejects(lookup([txtIs(records(RECORD)), policyIs(detached)]), MtaStsError);
  assert.equal((await lookup(good())).decision, "enforce");
});

test("a domain with letters beyond ASCII is looked up by its A-labels", async () => {
  const dns = txtIs(absent);
  const result = await resolve("bücher.example", { transports: [dns], now });
  assert.equal(result.domain, "xn--bcher-kva.example");
  assert.equal(dns.asked[0].name, "_mta-sts.xn--bcher-kva.example.");
});
