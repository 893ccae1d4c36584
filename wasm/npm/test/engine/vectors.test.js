import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import * as esm from "mta-sts";
import { agrees, casesOf, outcomes } from "../vectors.mjs";

const cjs = createRequire(import.meta.url)("mta-sts");

for (const [file, outcome] of Object.entries(outcomes)) {
  const cases = casesOf(file);
  for (const [name, entry] of Object.entries({ import: esm, require: cjs })) {
    test(`${file}: all ${cases.length} vectors, by ${name}`, () => {
      assert.ok(cases.length > 0);
      for (const { id, input, expect } of cases) {
        const got = outcome(entry, input);
        if (expect.strictness !== "either") assert.ok(agrees(expect, got), `${id} gave ${JSON.stringify(got)}`);
      }
    });
  }
}

test("a batch and a prepared policy agree with the vectors too", () => {
  const cases = casesOf("policies.json");
  const bodies = cases.map(({ input }) =>
    Buffer.from(input.body ?? input.body_b64, input.body === undefined ? "base64" : "utf8"),
  );
  assert.deepEqual(esm.parsePolicies(bodies), bodies.map(esm.parsePolicy));
  for (const { pattern, host } of casesOf("mx_match.json").map(({ input }) => input)) {
    const body = `version: STSv1\nmode: enforce\nmx: ${pattern}\nmx: other.test\nmax_age: 1\n`;
    const policy = esm.preparePolicy(body);
    if (policy?.mx.length !== 2) continue;
    assert.equal(
      policy.permits(host) || host === "other.test",
      esm.matchMx(policy.mx[0], host).match,
      `${pattern} ${host}`,
    );
    policy.free();
  }
});

test("both entries give the same answers to the same inputs", () => {
  for (const [file, outcome] of Object.entries(outcomes)) {
    for (const { input } of casesOf(file)) assert.deepEqual(outcome(cjs, input), outcome(esm, input));
  }
});
