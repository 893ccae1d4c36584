import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

const wasmOf = (name) => readFileSync(new URL(`../../wasm/${name}_bg.wasm`, import.meta.url));
const POLICY = "version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n";
let copies = 0;

/** The browser's entry or the slim one, not yet initialised: each has its own glue. */
async function fresh(entry) {
  const { createEngine } = await import("../../src/engine.js");
  const glue = await import(`../../wasm/${entry}.js?${copies++}`);
  const engine = createEngine(glue);
  return { ...engine, init: engine.initWith(() => new URL(`../../wasm/${entry}_bg.wasm`, import.meta.url)) };
}

test("before init every function says what to do", async () => {
  const { Lookup, version, ...rest } = await fresh("mta_sts");
  const calls = {
    version,
    lookup: () => new Lookup("example.com"),
    policy: () => rest.parsePolicy(POLICY),
    policies: () => rest.parsePolicies([POLICY]),
    prepare: () => rest.preparePolicy(POLICY),
    match: () => rest.matchMx("a", "a"),
    txt: () => rest.parseTxt([]),
    domain: () => rest.checkDomain("a.test"),
    lint: () => rest.lintPolicy(""),
    report: () => rest.parseReport(""),
    entry: () => rest.inspectEntry("", "a.test"),
  };
  for (const [name, call] of Object.entries(calls)) {
    assert.throws(call, { name: "MtaStsError", code: "not-initialised", message: /await init\(\)/ }, name);
  }
});

test("the browser's entry waits for init, and the slim one too", async () => {
  for (const entry of ["../../src/index.js", "../../src/slim.js"]) {
    const { init, initSync, parsePolicy, version } = await import(entry);
    assert.throws(() => parsePolicy(POLICY), { code: "not-initialised" });
    await init(wasmOf(entry.includes("slim") ? "mta_sts_slim" : "mta_sts"));
    assert.equal(parsePolicy(POLICY).policy.maxAge, 604_800);
    await init();
    initSync();
    assert.match(version(), /^\d+\.\d+\.\d+$/);
  }
});

test("every export of every entry is there", async () => {
  for (const entry of ["index", "node", "slim"]) {
    const exported = await import(`../../src/${entry}.js`);
    for (const [name, value] of Object.entries(exported)) assert.equal(typeof value, "function", `${entry}: ${name}`);
  }
});

test("the slim entry needs to be given its module", async () => {
  // A query makes another module of the entry, with an engine that nobody has initialised.
  const slim = await import("../../src/slim.js?another");
  await assert.rejects(slim.init(), { code: "argument", message: /mta_sts_slim_bg\.wasm/ });
});

test("init takes each form of the module", async () => {
  const octets = wasmOf("mta_sts");
  const answer = () => new Response(octets, { headers: { "Content-Type": "application/wasm" } });
  for (const source of [
    octets,
    new Uint8Array(octets).buffer,
    new WebAssembly.Module(octets),
    answer(),
    Promise.resolve(answer()),
    new Response(octets, { headers: { "Content-Type": "text/plain" } }),
    `data:application/wasm;base64,${octets.toString("base64")}`,
    new URL(`data:application/wasm;base64,${octets.toString("base64")}`),
    new Request(`data:application/octet-stream;base64,${octets.toString("base64")}`),
  ]) {
    const engine = await fresh("mta_sts");
    await engine.init(source);
    assert.equal(engine.parsePolicy(POLICY).ok, true);
  }
});

test("init can be tried again after it failed", async () => {
  const engine = await fresh("mta_sts");
  const octets = wasmOf("mta_sts");
  await assert.rejects(engine.init(octets.subarray(0, 1000)), { code: "init", message: /does not compile/ });
  await assert.rejects(engine.init(new Response("", { status: 404 })), { code: "init", message: /404/ });
  await assert.rejects(engine.init(Promise.reject(new TypeError("offline"))), TypeError);
  await assert.rejects(engine.init("data:,x"), { code: "init" });
  await assert.rejects(engine.init("no-scheme"), { code: "init", message: /no-scheme/ });
  for (const wrong of [1, {}, [], true]) await assert.rejects(engine.init(wrong), { code: "argument" });
  const other = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  await assert.rejects(engine.init(other), { code: "init", message: /not the \.wasm of this version/ });
  await engine.init(octets);
  assert.equal(engine.parsePolicy(POLICY).ok, true);
});

test("all who call init at once get the same instance, and initSync meanwhile wins", async () => {
  const engine = await fresh("mta_sts");
  const waiting = [engine.init(wasmOf("mta_sts")), engine.init(wasmOf("mta_sts"))];
  engine.initSync(new WebAssembly.Module(wasmOf("mta_sts")));
  const policy = engine.preparePolicy(POLICY);
  await Promise.all(waiting);
  assert.equal(policy.permits("mx.example.com"), true);
});

test("initSync refuses what is no module", async () => {
  const engine = await fresh("mta_sts_slim");
  for (const wrong of [undefined, null, "x", 1, {}]) assert.throws(() => engine.initSync(wrong), { code: "argument" });
  assert.throws(() => engine.initSync(new Uint8Array(3)), { code: "init" });
  engine.initSync(wasmOf("mta_sts_slim"));
  assert.equal(engine.matchMx("*.a.test", "b.a.test").match, true);
});

test("Node's entries are ready at once, and init resolves", async () => {
  const cjs = createRequire(import.meta.url)("mta-sts");
  const esm = await import("mta-sts");
  for (const entry of [cjs, esm]) {
    assert.equal(entry.parsePolicy(POLICY).ok, true);
    assert.equal(await entry.init(), undefined);
  }
  assert.deepEqual(Object.keys(cjs).sort(), Object.keys(esm).sort());
});
