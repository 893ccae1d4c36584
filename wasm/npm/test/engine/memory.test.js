import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Lookup, matchMx, parsePolicies, parsePolicy, parseTxt, preparePolicy } from "mta-sts";
import * as glue from "../../wasm/mta_sts.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

const NOW = 1_800_000_000;
const POLICY = new TextEncoder().encode("version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n");
const INVALID = POLICY.subarray(3);

// Once initialised, it gives what it has.
const { memory } = glue.initSync();
const prepared = preparePolicy(POLICY);

/** Ten calls into WASM, about. */
function mix() {
  parsePolicy(POLICY);
  parsePolicy(INVALID);
  parsePolicies([POLICY, INVALID]);
  matchMx("*.example.com", "mx.example.com");
  prepared.permits("mx.example.com");
  parseTxt([["v=STSv1; id=1;"]]);
  const lookup = new Lookup("example.com", { now: NOW });
  lookup.txt([["v=STSv1; id=1;"]], NOW);
  if (lookup.httpsHead({ status: 200, contentType: "text/plain" }, NOW) && lookup.httpsBody(POLICY, NOW))
    lookup.httpsEnd(NOW);
  lookup.apply(lookup.apply(null, NOW), NOW);
  lookup.free();
}

function times(count, f) {
  for (let i = 0; i < count; i++) f();
}

test("a million calls keep memory flat", () => {
  times(5_000, mix);
  collectGarbage();
  const [wasm, { rss }] = [memory.buffer.byteLength, process.memoryUsage()];
  times(80_000, mix);
  collectGarbage();
  assert.equal(memory.buffer.byteLength, wasm);
  assert.ok(process.memoryUsage().rss < rss + 50e6, `${rss} octets have become ${process.memoryUsage().rss}`);
});

test("what is not freed is freed when it is collected", async () => {
  const forget = () => {
    preparePolicy(POLICY);
    new Lookup("example.com");
  };
  const round = async () => {
    times(2_000, forget);
    // Finalizers run between tasks.
    for (let i = 0; i < 3; i++) {
      collectGarbage();
      await new Promise(setImmediate);
    }
  };
  await round();
  await round();
  const before = memory.buffer.byteLength;
  for (let i = 0; i < 20; i++) await round();
  assert.equal(memory.buffer.byteLength, before);
});
