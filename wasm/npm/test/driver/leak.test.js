import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { resolve, steps } from "../../src/node.js";
import memory from "../../src/stores/memory.js";
import { DOMAIN, blind, good, records, response, stub } from "./fixtures.js";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");

test("ten thousand lookups keep the memory flat", async () => {
  const store = memory({ max: 10 });
  const signal = new AbortController().signal;
  const big = stub("https", response("x".repeat(60_000)));
  const transports = [
    good(),
    [stub("dns", records("v=STSv1; id=2;")), stub("https", blind("hidden"))],
    [good()[0], big],
  ];
  const round = async (from, to) => {
    for (let n = from; n < to; n++) {
      for (const stubs of transports.flat()) stubs.asked.length = 0;
      await resolve(`${n % 100}.${DOMAIN}`, { transports: transports[n % 3], store, signal });
      if (n % 10 > 0) continue;
      for await (const event of steps(DOMAIN, { transports: transports[n % 3] }))
        if (event.type === "observation") break;
    }
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  await round(0, 1000);
  const before = await round(1000, 2000);
  const after = await round(2000, 12_000);
  assert.ok(after - before < 2_000_000, `${before} -> ${after}`);
});
