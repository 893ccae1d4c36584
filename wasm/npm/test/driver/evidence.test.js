import assert from "node:assert/strict";
import { test } from "node:test";
import { resolve } from "../../src/node.js";
import memory from "../../src/stores/memory.js";
import bytes from "../../src/transports/bytes.js";
import replay, { evidenceFromJSON, evidenceToJSON } from "../../src/transports/replay.js";
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

const lookup = (transports, more) => resolve(DOMAIN, { transports, now: NOW, ...more });

test("a record and a policy given by hand decide", async () => {
  const result = await lookup(bytes({ txt: RECORD, policy: POLICY }));
  assert.equal(result.decision, "enforce");
  assert.equal(result.source, "paste");
  assert.deepEqual(
    result.evidence.map(({ bytesExact }) => bytesExact),
    [false, false],
  );
});

test("octets and files are exact, text is not", async () => {
  for (const policy of [octets(POLICY), octets(POLICY).buffer, new Blob([POLICY])]) {
    const { evidence } = await lookup([stub("dns", records(RECORD)), bytes({ policy })]);
    assert.deepEqual([evidence[1].source, evidence[1].bytesExact], ["file", true]);
  }
});

test("TXT records given by hand may be none, one, several, in strings", async () => {
  const run = async (txt) => (await bytes({ txt })[0].run({ name: "x" })).value;
  assert.equal((await run(null)).status, "absent");
  assert.equal((await run([])).status, "absent");
  assert.equal((await run("one")).records.length, 1);
  assert.deepEqual(
    (await run([["a", octets("b")], "c"])).records.map((record) => record.length),
    [2, 1],
  );
});

test("what is no evidence is refused at once", () => {
  for (const given of [{ policy: 5 }, { policy: null }, { txt: 5 }, { txt: [[{}]] }])
    assert.throws(() => bytes(given), TypeError);
});

test("evidence given by hand never enters the cache", async () => {
  const store = memory();
  await lookup(bytes({ txt: RECORD, policy: POLICY }), { store });
  assert.equal(store.size, 0);
  const { evidence } = await lookup(good());
  await lookup(replay(evidenceToJSON(evidence)), { store });
  assert.equal(store.size, 0);
});

test("recorded evidence decides again as it did", async () => {
  const lookups = [
    good(),
    [stub("dns", absent)],
    [stub("dns", failed("servfail"))],
    [stub("dns", blind("network"))],
    [
      stub("dns", blind("network")),
      stub("dns", records(RECORD)),
      stub("https", blind("hidden")),
      stub("https", failed("certificate")),
    ],
    [stub("dns", records(RECORD)), stub("https", response(POLICY, { status: 404 }))],
  ];
  for (const transports of lookups) {
    const first = await lookup(transports);
    const text = JSON.stringify(evidenceToJSON(first.evidence));
    assert.deepEqual(evidenceFromJSON(text), first.evidence);
    const again = await lookup(replay(text));
    assert.equal(again.decision, first.decision);
    assert.deepEqual(again.outcome, first.outcome);
    assert.equal(again.source, first.source);
  }
});

test("evidence of another domain is missing, not absent", async () => {
  const { evidence } = await lookup(good());
  const result = await resolve("example.org", { transports: replay(evidenceToJSON(evidence)), now: NOW });
  assert.equal(result.decision, "unknown");
  assert.equal(result.unknown[0].reason, "missing");
});

test("what is no recorded evidence is refused", async () => {
  const { evidence } = await lookup(good());
  const whole = evidenceToJSON(evidence);
  const deep = JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`);
  const wrong = [
    null,
    5,
    "{",
    "[]",
    {},
    { ...whole, version: 2 },
    { ...whole, observations: [5] },
    { ...whole, observations: [{}] },
    { ...whole, observations: deep },
  ];
  for (const recorded of wrong) assert.throws(() => replay(recorded));
  const poisoned = JSON.stringify(whole).replace('"ms"', '"__proto__":{"x":1},"ms"');
  evidenceFromJSON(poisoned);
  assert.equal({}.x, undefined);
});
