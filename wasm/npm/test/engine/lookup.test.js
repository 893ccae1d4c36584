import assert from "node:assert/strict";
import { test } from "node:test";
import { entryBody, importEntry, inspectEntry, Lookup } from "mta-sts";

const NOW = 1_800_000_000;
const POLICY = "version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n";
const RECORD = ["v=STSv1; id=1;"];

function fetched(options) {
  const lookup = new Lookup("example.com", { now: NOW, ...options });
  lookup.txt(RECORD, NOW);
  assert.equal(lookup.httpsHead({ status: 200, contentType: ["text/plain; charset=utf-8"] }, NOW), true);
  assert.equal(lookup.httpsBody(POLICY, NOW), true);
  lookup.httpsEnd(NOW);
  return lookup;
}

test("a lookup says what it wants, one thing at a time", () => {
  const lookup = new Lookup("example.com", { now: NOW });
  assert.equal(lookup.provisional(), null);
  assert.equal(lookup.outcome(), null);
  assert.deepEqual(lookup.want(), { want: "txt", name: "_mta-sts.example.com." });
  lookup.txt(RECORD, NOW);
  assert.deepEqual(lookup.want(), {
    want: "https",
    url: "https://mta-sts.example.com/.well-known/mta-sts.txt",
    host: "mta-sts.example.com",
    maxBody: 65_536,
  });
  lookup.httpsFailed("timeout", NOW);
  assert.deepEqual(lookup.want(), { want: "nothing" });
  const { decision, policy, failure } = lookup.outcome();
  assert.deepEqual([decision, policy, failure.kind, failure.detail], ["no-policy", null, "fetch", "timeout"]);
});

test("a fetched policy is applied, and cached", () => {
  const lookup = fetched();
  const { decision, policy, cache, failure, nextCheck, confirmsBounce } = lookup.outcome();
  assert.deepEqual([decision, cache, failure, confirmsBounce], ["enforce", "fetched", null, false]);
  assert.deepEqual(policy.mx, ["*.example.com"]);
  assert.ok(nextCheck > NOW);
  const handle = lookup.policy();
  assert.equal(handle.permits("mx.example.com"), true);
  handle.free();
  const entry = lookup.apply(null, NOW);
  const contents = inspectEntry(entry, "example.com", NOW);
  assert.deepEqual([contents.ok, contents.id, contents.live, contents.fetchedAt], [true, "1", true, NOW]);
  assert.equal(Buffer.from(entryBody(entry, "example.com")).toString(), POLICY);
  assert.equal(inspectEntry(entry, "example.net", NOW).ok, false);
  assert.equal(entryBody(entry, "example.net"), null);
});

test("a live cached policy needs no IO, and decides before any", () => {
  const entry = fetched().apply(null, NOW);
  const warm = new Lookup("example.com", { entry, now: NOW + 1 });
  assert.deepEqual(warm.want(), { want: "nothing" });
  assert.equal(warm.outcome().decision, "enforce");
  const due = new Lookup("example.com", { entry, now: NOW + 301 });
  assert.equal(due.provisional().decision, "enforce");
  assert.equal(due.policy().permits("mx.example.com"), true);
  due.txtTempFail(NOW + 301);
  assert.equal(due.outcome().decision, "enforce");
});

test("the limits are the caller's", () => {
  const lookup = new Lookup("example.com", { config: { maxBody: 10 }, now: NOW });
  lookup.txt(RECORD, NOW);
  assert.equal(lookup.want().maxBody, 10);
  lookup.httpsHead({ status: 200, contentType: "text/plain" }, NOW);
  assert.equal(lookup.httpsBody(new Uint8Array(11), NOW), false);
  assert.equal(lookup.outcome().failure.detail, "too-large");
});

test("a huge piece of a body ends the fetch at the limit", () => {
  const lookup = new Lookup("example.com", { now: NOW });
  lookup.txt(RECORD, NOW);
  lookup.httpsHead({ status: 200, contentType: "text/plain" }, NOW);
  assert.equal(lookup.httpsBody(new Uint8Array(1 << 28), NOW), false);
  assert.equal(lookup.outcome().failure.detail, "too-large");
});

test("a body in pieces is the same body", () => {
  const lookup = new Lookup("example.com", { now: NOW });
  lookup.txt(RECORD, NOW);
  lookup.httpsHead({ status: 200, contentType: "text/plain" }, NOW);
  for (const octet of Buffer.from(POLICY)) assert.equal(lookup.httpsBody(Uint8Array.of(octet), NOW), true);
  assert.equal(lookup.httpsBody(new Uint8Array(0), NOW), true);
  lookup.httpsEnd(NOW);
  assert.equal(lookup.outcome().decision, "enforce");
});

test("a head that does not fit ends the fetch", () => {
  for (const [head, detail] of [
    [{ status: 301 }, "status"],
    [{ status: 0 }, "status"],
    [{ status: 200, contentType: ["text/plain", "text/plain"] }, "media-type"],
    [{ status: 200, contentType: "text/html\ntext/plain" }, "media-type"],
    [{ status: 200, contentType: "text/plain", contentEncoding: "gzip" }, "encoding"],
  ]) {
    const lookup = new Lookup("example.com", { now: NOW });
    lookup.txt(RECORD, NOW);
    assert.equal(lookup.httpsHead(head, NOW), false, JSON.stringify(head));
    assert.equal(lookup.outcome().failure.detail, detail, JSON.stringify(head));
  }
});

test("an answer out of turn is an error and changes nothing", () => {
  const lookup = new Lookup("example.com", { now: NOW });
  const outOfTurn = { name: "MtaStsError", code: "out-of-turn" };
  for (const answer of [
    () => lookup.httpsHead({ status: 200, contentType: "text/plain" }, NOW),
    () => lookup.httpsBody("x", NOW),
    () => lookup.httpsEnd(NOW),
    () => lookup.httpsFailed("tls", NOW),
    () => lookup.apply(null, NOW),
  ]) {
    assert.throws(answer, outOfTurn);
    assert.equal(lookup.want().want, "txt");
  }
  lookup.txt(RECORD, NOW);
  for (const answer of [
    () => lookup.txt(RECORD, NOW),
    () => lookup.txtAbsent(NOW),
    () => lookup.txtTempFail(NOW),
    () => lookup.httpsEnd(NOW),
  ]) {
    assert.throws(answer, outOfTurn);
    assert.equal(lookup.want().want, "https");
  }
  lookup.httpsFailed("tls", NOW);
  assert.throws(() => lookup.httpsFailed("tls", NOW), outOfTurn);
});

test("an entry that does not decode is no entry", () => {
  for (const entry of [new Uint8Array(0), Uint8Array.of(1, 2, 3), new Uint8Array(1 << 20)]) {
    const lookup = new Lookup("example.com", { entry, now: NOW });
    assert.equal(lookup.want().want, "txt");
    lookup.txtAbsent(NOW);
    assert.equal(lookup.outcome().decision, "no-policy");
  }
});

test("what another machine fetched meanwhile is kept", () => {
  const slow = new Lookup("example.com", { now: NOW });
  slow.txt(RECORD, NOW);
  const current = fetched({ now: NOW }).apply(null, NOW);
  slow.httpsFailed("timeout", NOW + 60);
  assert.equal(inspectEntry(slow.apply(current, NOW + 60), "example.com", NOW + 60).live, true);
});

test("a policy known from elsewhere becomes an entry", () => {
  const known = { domain: "Example.com", id: "20260101", policy: POLICY, fetchedAt: NOW - 100 };
  const contents = inspectEntry(importEntry({ ...known, checkedAt: NOW }), "example.com", NOW);
  assert.deepEqual(
    [contents.domain, contents.id, contents.fetchedAt, contents.checkedAt],
    ["example.com", "20260101", NOW - 100, NOW],
  );
  assert.equal(inspectEntry(importEntry(known), "example.com", NOW).checkedAt, NOW - 100);
  assert.throws(() => importEntry({ ...known, id: "a b" }), { code: "argument", message: /^id / });
  assert.throws(() => importEntry({ ...known, policy: "x" }), { code: "argument", message: /no version/ });
  assert.throws(() => importEntry({ ...known, domain: "a..b" }), { code: "domain" });
});

test("a freed lookup says so", () => {
  const lookup = new Lookup("example.com");
  lookup.free();
  lookup.free();
  assert.throws(() => lookup.want(), { code: "freed" });
});
