import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import * as mtaSts from "mta-sts";

const { importEntry, inspectEntry, entryBody, Lookup, matchMx, MtaStsError, parsePolicies, parsePolicy } = mtaSts;
const POLICY = "version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n";
const NOT_OCTETS = [
  undefined,
  null,
  1,
  true,
  1n,
  {},
  [1, 2],
  () => 1,
  Symbol("x"),
  new Date(),
  new Uint16Array(4),
  new DataView(new ArrayBuffer(4)),
];
const NOT_TEXTS = [undefined, null, 1, {}, ["a"], new String("a"), new Uint8Array(1)];

const isArgument = (error) => {
  assert.ok(error instanceof MtaStsError && error instanceof Error);
  assert.equal(error.code, "argument");
  assert.match(error.message, / must be | takes | not taken/);
  return true;
};

test("what is no octets is refused by its name", () => {
  for (const wrong of NOT_OCTETS) {
    for (const take of [
      parsePolicy,
      mtaSts.preparePolicy,
      mtaSts.lintPolicy,
      mtaSts.parseReport,
      (it) => parsePolicies([POLICY, it]),
      (it) => mtaSts.parseTxt([it ?? null]),
      (it) => inspectEntry(it, "example.com"),
      (it) => entryBody(it, "example.com"),
    ]) {
      // An array of octets is no octets, but a record of wrong strings.
      assert.throws(() => take(wrong), isArgument, `${take} ${String(wrong)}`);
    }
  }
  assert.throws(() => parsePolicies([POLICY, 1]), { message: /^bodies\[1\] must be .*, not the number 1$/ });
});

test("what is no text is refused", () => {
  for (const wrong of NOT_TEXTS) {
    assert.throws(() => mtaSts.checkDomain(wrong), isArgument);
    assert.throws(() => matchMx(wrong, "a"), isArgument);
    assert.throws(() => matchMx("a", wrong), isArgument);
    assert.throws(() => mtaSts.preparePolicy(POLICY).permits(wrong), isArgument);
    assert.throws(() => mtaSts.preparePolicy(POLICY).matching(wrong), isArgument);
    assert.throws(() => new Lookup(wrong), isArgument);
    assert.throws(() => inspectEntry(new Uint8Array(0), wrong), isArgument);
  }
});

test("what is no list of records or bodies is refused", () => {
  for (const wrong of [undefined, null, "v=STSv1; id=1;", new Uint8Array(1), {}, 1, [,], [[,]], [[["x"]]]]) {
    for (const take of [mtaSts.parseTxt, mtaSts.parseTlsrpt, mtaSts.lintTxt, mtaSts.lintTlsrpt]) {
      assert.throws(() => take(wrong), isArgument);
    }
  }
  for (const wrong of [undefined, null, "x", {}, new Uint8Array(1), [,]]) {
    assert.throws(() => parsePolicies(wrong), isArgument);
  }
});

test("what is no time is refused, milliseconds too", () => {
  for (const now of [NaN, -1, "1", null, 1n, Infinity, Date.now(), new Date()]) {
    assert.throws(() => new Lookup("example.com", { now }), { code: "argument", message: /seconds since 1970/ });
    assert.throws(() => new Lookup("example.com").txtAbsent(now), { code: "argument" });
    assert.throws(() => inspectEntry(new Uint8Array(0), "example.com", now), { code: "argument" });
  }
  assert.throws(() => importEntry({ domain: "a.test", id: "1", policy: POLICY }), { message: /^fetchedAt must be/ });
});

test("wrong options of a lookup are refused", () => {
  for (const options of [
    null,
    1,
    { intent: "send" },
    { intent: null },
    { config: null },
    { config: { backoff: -1 } },
    { config: { backoff: 1.5 } },
    { config: { recheckAfter: "300" } },
    { config: { maxBody: 2 ** 32 } },
    { entry: 1 },
  ]) {
    assert.throws(() => new Lookup("example.com", options), isArgument, JSON.stringify(options));
  }
});

test("wrong answers are refused and change nothing", () => {
  const lookup = new Lookup("example.com");
  assert.throws(() => lookup.txt("x"), isArgument);
  lookup.txt(["v=STSv1; id=1;"]);
  for (const head of [undefined, null, {}, { status: "200" }, { status: 65_736 }, { status: 200, contentType: [1] }]) {
    assert.throws(() => lookup.httpsHead(head), isArgument, JSON.stringify(head));
  }
  for (const reason of [undefined, "bad luck", "media-type", "policy"]) {
    assert.throws(() => lookup.httpsFailed(reason), isArgument);
  }
  assert.equal(lookup.want().want, "https");
  assert.throws(() => lookup.apply("x".repeat(17 << 20)), isArgument);
});

test("a detached buffer is an error, an empty one is empty", () => {
  const octets = new TextEncoder().encode(POLICY);
  const { buffer } = octets;
  structuredClone(buffer, { transfer: [buffer] });
  for (const gone of [octets, buffer]) {
    for (const take of [parsePolicy, mtaSts.lintPolicy, mtaSts.parseReport, (it) => mtaSts.parseTxt([it])]) {
      assert.throws(() => take(gone), { name: "MtaStsError", code: "detached" });
    }
  }
  for (const empty of [new Uint8Array(0), new ArrayBuffer(0), "", octets.constructor.of()]) {
    assert.equal(parsePolicy(empty).error.kind, "no-version");
  }
});

test("shared, resizable and foreign buffers are read as any other", () => {
  const octets = new TextEncoder().encode(POLICY);
  const shared = new Uint8Array(new SharedArrayBuffer(octets.length));
  const resizable = new Uint8Array(new ArrayBuffer(octets.length, { maxByteLength: 1 << 16 }));
  shared.set(octets);
  resizable.set(octets);
  const foreign = runInNewContext("Uint8Array.from(octets)", { octets: [...octets] });
  for (const given of [shared, resizable, foreign, foreign.buffer, Buffer.from(POLICY)]) {
    assert.deepEqual(parsePolicy(given), parsePolicy(octets));
    assert.deepEqual(parsePolicies([given]), [parsePolicy(octets)]);
  }
  resizable.buffer.resize?.(3);
  const fixed = resizable.buffer.resize && new Uint8Array(resizable.buffer, 1, 2);
  if (fixed) {
    resizable.buffer.resize(1);
    assert.throws(() => parsePolicy(fixed), { code: "detached" });
  }
});

test("lone surrogates in a body are octets that no field has", () => {
  const { policy, problems } = parsePolicy(POLICY.replace("*.", "\ud800."));
  assert.equal(policy, undefined);
  assert.equal(problems[0].detail, "not-ascii");
});

test("huge inputs are answered or refused, and memory stays within bounds", () => {
  assert.throws(() => mtaSts.lintPolicy(new Uint8Array(17 << 20)), isArgument);
  assert.throws(() => mtaSts.parseTxt([new Uint8Array(9 << 20), new Uint8Array(9 << 20)]), { code: "argument" });
  assert.throws(() => matchMx("a", "x".repeat(17 << 20)), isArgument);
  assert.throws(() => inspectEntry(new Uint8Array(17 << 20), "example.com"), isArgument);
  assert.equal(matchMx("a.example", `${"x".repeat(1 << 20)}.example`).why, "not-a-host");
});

test("no message repeats what came from outside", () => {
  for (const wrong of ["<script>", "\u001b[31m", "a\nb"]) {
    const { error } = mtaSts.checkDomain(wrong);
    assert.ok(!error.message.includes(wrong));
    assert.throws(
      () => new Lookup(wrong),
      (thrown) => !thrown.message.includes(wrong),
    );
  }
});
