import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Lookup, parsePolicies, parsePolicy, parseTxt, preparePolicy } from "mta-sts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

const POLICY = "version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n";

/** Octets that lie about how many they are make the allocator of the WASM trap. */
function lying() {
  return Object.defineProperty(new Uint8Array(4), "length", { value: -1 });
}

const trap = (message) => ({ name: "MtaStsError", code: "trap", message });

test("a trap is reported, and the next call has a fresh instance", () => {
  const before = parsePolicy(POLICY);
  for (let i = 0; i < 3; i++) {
    assert.throws(
      () => parsePolicy(lying()),
      (error) => {
        assert.equal(error.code, "trap");
        assert.match(error.message, /replaced by a fresh one/);
        assert.ok(error.cause instanceof WebAssembly.RuntimeError);
        return true;
      },
    );
    assert.deepEqual(parsePolicy(POLICY), before);
    assert.deepEqual(parsePolicies([POLICY]), [before]);
    assert.equal(parseTxt(["v=STSv1; id=1;"]).id, "1");
  }
});

test("what belonged to the lost instance says so, and never touches the next", async () => {
  const policy = preparePolicy(POLICY);
  const lookup = new Lookup("example.com");
  let forgotten = Array.from({ length: 100 }, () => [preparePolicy(POLICY), new Lookup("example.com")]);
  assert.throws(() => parsePolicy(lying()), trap(/replaced/));
  const successors = Array.from({ length: 100 }, () => preparePolicy(POLICY));
  assert.throws(() => policy.permits("mx.example.com"), trap(/make it again/));
  assert.throws(() => lookup.want(), trap(/make it again/));
  policy.free();
  lookup.free();
  forgotten = undefined;
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate);
    collectGarbage();
  }
  assert.equal(forgotten, undefined);
  for (const successor of successors) {
    assert.equal(successor.permits("mx.example.com"), true);
    successor.free();
  }
});

test("a trap within a lookup loses that lookup, and no other call", () => {
  const lookup = new Lookup("example.com");
  lookup.txt(["v=STSv1; id=1;"]);
  lookup.httpsHead({ status: 200, contentType: "text/plain" });
  const piece = Object.defineProperty(lying(), "subarray", { value: lying });
  assert.throws(() => lookup.httpsBody(piece), trap(/replaced/));
  assert.throws(() => lookup.httpsEnd(), trap(/make it again/));
  assert.equal(new Lookup("example.com").want().want, "txt");
});

test("an exhausted stack leaves an engine that works", () => {
  let deepest = 0;
  const descend = (depth) => {
    deepest = depth;
    try {
      parsePolicy(POLICY);
    } catch (error) {
      assert.ok(error.code === "trap" || error instanceof RangeError, error);
    }
    descend(depth + 1);
  };
  assert.throws(() => descend(0));
  assert.ok(deepest > 100);
  assert.equal(parsePolicy(POLICY).ok, true);
  assert.equal(preparePolicy(POLICY).permits("mx.example.com"), true);
});
