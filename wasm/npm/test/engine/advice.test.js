import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { lintPolicy, lintTlsrpt, lintTxt, parseReport } from "mta-sts";

const report = (file) => readFileSync(new URL(`../../../../tests/vectors/tlsrpt_reports/${file}`, import.meta.url));

test("findings say what is wrong, where, and how to mend it", () => {
  const findings = lintPolicy("version: STSv1\nmode: enforce\nmx: a.example.com\nmax_age: 60\n");
  assert.ok(findings.length > 0);
  for (const { code, level, line, message, advice, reference } of findings) {
    assert.match(code, /^STS-/);
    assert.ok(["TIP", "INTEROP", "RISK", "OFF", "BLOCK"].includes(level));
    assert.ok(line >= 1 && message && advice);
    assert.match(reference, /RFC \d+/);
  }
});

test("records are linted, each with its index", () => {
  const findings = lintTxt(["v=spf1 -all", "v=STSv1; id=a-b;"]);
  assert.ok(findings.some(({ record }) => record === 1));
  assert.ok(lintTlsrpt([]).length > 0);
});

test("a report is its counts, gzipped or not", () => {
  const plain = report("04-google-sts-success.json");
  const parsed = parseReport(plain);
  assert.equal(parsed.ok, true);
  assert.equal(typeof parsed.report.policies[0].successfulSessions, "number");
  assert.deepEqual(parseReport(gzipSync(plain)), parsed);
});

test("a count that a number would round is a bigint", () => {
  const text = report("04-google-sts-success.json").toString();
  const large = text.replace(/("total-successful-session-count":\s*)\d+/, "$118446744073709551615");
  assert.equal(parseReport(large).report.policies[0].successfulSessions, 18446744073709551615n);
});

test("what is no report says why", () => {
  for (const octets of ["", "{", "[]", "<html>", Uint8Array.of(0x1f, 0x8b), new Uint8Array(40 << 20)]) {
    const { ok, error } = parseReport(octets);
    assert.equal(ok, false);
    assert.equal(typeof error.message, "string");
  }
});
