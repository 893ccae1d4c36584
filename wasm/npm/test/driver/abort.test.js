import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { resolve, steps } from "../../src/node.js";
import memory from "../../src/stores/memory.js";
import doh from "../../src/transports/doh.js";
import policyFetch from "../../src/transports/fetch.js";
import node from "../../src/transports/node.js";
import proxy from "../../src/transports/proxy.js";
import { authority } from "./certificates.js";
import { DOMAIN, NOW, POLICY, RECORD, good, stub } from "./fixtures.js";
import { dohServer, httpServer, httpsServer, txt, udpServer } from "./servers.js";

const unhandled = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));

const HOST = `mta-sts.${DOMAIN}`;
const OWNER = `_mta-sts.${DOMAIN}`;
let real;
const servers = [];
before(async () => {
  const ca = authority();
  const a = { name: HOST, type: "A", class: "IN", ttl: 0, data: "127.0.0.1" };
  const slowly = (_, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    const half = POLICY.length / 2;
    response.write(POLICY.slice(0, half));
    setTimeout(() => response.end(POLICY.slice(half)), 5);
  };
  const zone = ({ type }) => ({ answers: type === "TXT" ? [txt(OWNER, RECORD)] : type === "A" ? [a] : [] });
  const dns = await udpServer(zone);
  const first = await dohServer(zone);
  const second = await dohServer(zone);
  const plain = await httpServer(slowly);
  const https = await httpsServer(ca.issue({ names: [HOST] }), slowly);
  servers.push(dns, first, second, plain, https);
  const nodeOptions = { servers: dns.address, ca: ca.ca, httpsPort: https.port, allowNets: ["127.0.0.0/8"] };
  const redirected = (_, init) => fetch(plain.url, init);
  real = {
    stubs: () => good(),
    "doh and fetch": () => [doh({ resolvers: [first.url, second.url] }), policyFetch({ fetch: redirected })],
    "doh and proxy": () => [doh({ resolvers: first.url }), proxy({ template: `${plain.url}/?u={url}` })],
    node: () => node(nodeOptions),
  };
});
after(() => Promise.all(servers.map((server) => server.close())));

const turn = () => new Promise((done) => setImmediate(done));

/** What keeps a process alive, without what the servers hold. */
const held = () =>
  process
    .getActiveResourcesInfo()
    .filter((kind) => /TCPSocketWrap|TLSWrap|GetAddrInfo|QueryReqWrap|ConnectWrap/.test(kind)).length;

async function quiet(before) {
  for (let n = 0; n < 200 && held() > before; n++) await new Promise((done) => setTimeout(done, 10));
  return held();
}

/** A store all of whose work takes a while. */
function slowStore() {
  const store = memory();
  return {
    get: async (domain) => (await turn(), store.get(domain)),
    update: async (...args) => (await turn(), store.update(...args)),
  };
}

for (const which of ["stubs", "doh and fetch", "doh and proxy", "node"]) {
  test(`an abort at any point rejects with the signal's reason: ${which}`, async () => {
    // A lookup before, so that what runtimes keep open for later is open.
    await resolve(DOMAIN, { transports: real[which](), store: slowStore() });
    const reason = new Error("enough");
    let ended = 0;
    for (let turns = 0; ended < 3 && turns < 400; turns++) {
      const abort = new AbortController();
      const lookup = resolve(DOMAIN, { transports: real[which](), store: slowStore(), signal: abort.signal });
      const outcome = lookup.then(
        () => "ended",
        (error) => error,
      );
      for (let n = 0; n < turns; n++) await turn();
      abort.abort(reason);
      const got = await outcome;
      if (got === "ended") ended += 1;
      else assert.equal(got, reason, `after ${turns} turns`);
    }
    assert.equal(ended, 3);
    await turn();
    assert.deepEqual(unhandled, []);
  });
}

test("an abort at any event and any microtask rejects too", async () => {
  for (let ticks = 0; ticks < 120; ticks++) {
    const abort = new AbortController();
    const lookup = resolve(DOMAIN, { transports: good(), store: memory(), signal: abort.signal, now: NOW });
    const outcome = lookup.then(
      () => "ended",
      (error) => error.name,
    );
    for (let n = 0; n < ticks; n++) await null;
    abort.abort();
    assert.match(await outcome, /^(ended|AbortError)$/);
  }
  for (let events = 0; events < 6; events++) {
    const abort = new AbortController();
    const lookup = steps(DOMAIN, { transports: good(), store: memory(), signal: abort.signal, now: NOW });
    for (let n = 0; n < events; n++) await lookup.next();
    abort.abort();
    if (events < 6) await assert.rejects(lookup.next(), { name: "AbortError" }, `after ${events} events`);
    assert.equal((await lookup.next()).done, true);
  }
});

test("a signal that was aborted before ends the lookup before it begins", async () => {
  const transports = good();
  await assert.rejects(resolve(DOMAIN, { transports, signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.equal(transports[0].asked.length, 0);
});

test("an aborted lookup writes nothing", async () => {
  const abort = new AbortController();
  const store = memory();
  const https = stub("https", () => (abort.abort(), new Promise(() => {})));
  await assert.rejects(resolve(DOMAIN, { transports: [good()[0], https], store, signal: abort.signal }));
  assert.equal(store.size, 0);
});

test("transports that ignore the signal, and fail later, do no harm", async () => {
  const late = (kind) => stub(kind, () => new Promise((_, fail) => setTimeout(fail, 20, new Error("late"))));
  const abort = new AbortController();
  const lookup = resolve(DOMAIN, { transports: [late("dns")], signal: abort.signal });
  setTimeout(() => abort.abort(), 5);
  await assert.rejects(lookup, { name: "AbortError" });
  await resolve(DOMAIN, { transports: [late("dns")], timeouts: { txt: 5 } });
  await new Promise((done) => setTimeout(done, 50));
  assert.deepEqual(unhandled, []);
});

test("return() aborts what is under way", async () => {
  let signal;
  const hang = stub("dns", (_, context) => ((signal = context.signal), new Promise(() => {})));
  const lookup = steps(DOMAIN, { transports: [hang] });
  assert.equal((await lookup.next()).value.type, "want");
  const pending = lookup.next();
  await turn();
  assert.deepEqual(await lookup.return("given up"), { done: true, value: "given up" });
  assert.deepEqual(await pending, { done: true, value: undefined });
  assert.equal(signal.aborted, true);
  for await (const event of steps(DOMAIN, { transports: [hang] })) if (event.type === "want") break;
  assert.deepEqual(unhandled, []);
});

test("lookups that ended, failed or were aborted leave no timer", async (t) => {
  const { setTimeout, clearTimeout } = globalThis;
  t.after(() => Object.assign(globalThis, { setTimeout, clearTimeout }));
  const running = new Set();
  globalThis.setTimeout = (then, ms, ...args) => {
    const timer = setTimeout(() => (running.delete(timer), then(...args)), ms);
    // Others are those of the servers here and of the global fetch.
    if (new Error().stack.includes("driver/abort.js")) running.add(timer);
    return timer;
  };
  globalThis.clearTimeout = (timer) => (running.delete(timer), clearTimeout(timer));
  for (const which of Object.keys(real)) {
    const abort = new AbortController();
    const options = { transports: real[which](), store: slowStore(), signal: abort.signal };
    await resolve(DOMAIN, options);
    const under = resolve(DOMAIN, options);
    abort.abort();
    await assert.rejects(under, { name: "AbortError" });
    await resolve(DOMAIN, { transports: [stub("dns", () => Promise.reject(new Error("broken")))] });
    assert.equal(running.size, 0, which);
  }
});

test("lookups that ended or were aborted leave no socket or listener", async () => {
  for (const which of Object.keys(real)) {
    const keepAlive = which !== "node" && which !== "stubs";
    await resolve(DOMAIN, { transports: real[which]() });
    const before = keepAlive ? 0 : await quiet(0);
    const listeners = new Set();
    const abort = new AbortController();
    const { addEventListener, removeEventListener } = abort.signal;
    abort.signal.addEventListener = function (type, listener) {
      listeners.add(listener);
      addEventListener.call(this, type, listener);
    };
    abort.signal.removeEventListener = function (type, listener) {
      listeners.delete(listener);
      removeEventListener.call(this, type, listener);
    };
    for (let n = 0; n < 20; n++) await resolve(DOMAIN, { transports: real[which](), signal: abort.signal });
    assert.equal(listeners.size, 0);
    const under = resolve(DOMAIN, { transports: real[which](), signal: abort.signal });
    if (which !== "stubs") await turn();
    abort.abort();
    await assert.rejects(under, { name: "AbortError" });
    // The global fetch pools connections, which is not ours to end.
    if (!keepAlive) assert.ok((await quiet(before)) <= before, `${which}: ${process.getActiveResourcesInfo()}`);
  }
});
