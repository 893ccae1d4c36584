import assert from "node:assert/strict";
import { after, test } from "node:test";
import { resolve } from "../../src/node.js";
import policyFetch from "../../src/transports/fetch.js";
import { DOMAIN, NOW, POLICY, RECORD, records, stub } from "./fixtures.js";
import { httpServer, httpsServer } from "./servers.js";
import { authority } from "./certificates.js";

const REQUEST = {
  url: "https://mta-sts.example.com/.well-known/mta-sts.txt",
  host: "mta-sts.example.com",
  maxBody: 65_536,
};
const servers = [];
after(() => Promise.all(servers.map((server) => server.close())));

/** A `fetch` that goes to a server of ours instead, by the URL given or that server's. */
async function to(handler, make = httpServer) {
  const server = typeof handler === "string" ? { url: handler } : await make(handler);
  if (server.close) servers.push(server);
  return (_, init) => fetch(server.url, init);
}

const context = () => ({ signal: new AbortController().signal, maxBody: 65_536 });
const run = (options) => policyFetch(options).run(REQUEST, context());
const plain = (response) => response.writeHead(200, { "content-type": "text/plain" });

test("a policy is read with safe options", async () => {
  let seen;
  const send = await to((request, response) => plain(response).end(POLICY));
  const { value, error } = await run({ fetch: (url, init) => ((seen = { url, init }), send(url, init)) });
  assert.equal(error, undefined);
  assert.equal(new TextDecoder().decode(value.body), POLICY);
  assert.equal(seen.url, REQUEST.url);
  const { signal, headers, ...options } = seen.init;
  assert.deepEqual(options, {
    mode: "cors",
    redirect: "manual",
    cache: "no-store",
    credentials: "omit",
    referrerPolicy: "no-referrer",
  });
});

test("an option that the runtime's Request does not have is not given", async () => {
  const whole = globalThis.Request;
  const asked = [];
  globalThis.Request = class {
    get redirect() {}
    get signal() {}
    get headers() {}
  };
  try {
    await run({ fetch: async (_, init) => (asked.push(Object.keys(init)), new Response(POLICY)) });
  } finally {
    globalThis.Request = whole;
  }
  assert.deepEqual(asked, [["redirect", "headers", "signal"]]);
});

test("plain, opaque and followed redirects alike are a redirect seen", async () => {
  const plainly = await run({
    fetch: await to((_, response) => response.writeHead(301, { location: "https://example.com/" }).end()),
  });
  assert.deepEqual([plainly.value.status, plainly.value.redirect, plainly.value.statusExact], [301, true, true]);
  const odd = (type, redirected) => async () => ({
    type,
    redirected,
    status: type === "opaqueredirect" ? 0 : 200,
    headers: new Headers(),
    body: null,
  });
  for (const fetch of [odd("opaqueredirect", false), odd("basic", true)]) {
    const { value } = await run({ fetch, browser: true });
    assert.deepEqual([value.status, value.redirect, value.statusExact], [302, true, false]);
    const transports = [stub("dns", records(RECORD)), policyFetch({ fetch, browser: true })];
    const result = await resolve(DOMAIN, { transports, now: NOW });
    assert.equal(result.decision, "no-policy");
    assert.equal(result.outcome.failure.detail, "status");
  }
});

test("in a browser an error is unknown, since it has no reason", async () => {
  const fetch = () => Promise.reject(new TypeError("Failed to fetch"));
  const { error } = await run({ fetch, browser: true });
  assert.deepEqual([error.code, error.blind], ["hidden", true]);
  const transports = [stub("dns", records(RECORD)), policyFetch({ fetch, browser: true })];
  const result = await resolve(DOMAIN, { transports, now: NOW });
  assert.equal(result.decision, "unknown");
  assert.ok(result.unknown[0].howToSupply.length > 0);
});

test("the weak oracle tells a host without CORS from one that does not answer", async () => {
  const modes = [];
  const oracle =
    (reachable) =>
    async (_, { mode, redirect }) => {
      modes.push([mode, redirect]);
      if (mode === "cors" || !reachable) throw new TypeError("Failed to fetch");
      return { type: "opaque", status: 0, body: null };
    };
  const up = await run({ fetch: oracle(true), browser: true, weakOracle: true });
  assert.deepEqual([up.error.blind, up.reachable], [true, true]);
  const down = await run({ fetch: oracle(false), browser: true, weakOracle: true });
  assert.deepEqual([down.error.blind, down.reachable], [true, false]);
  assert.deepEqual(modes[1], ["no-cors", "follow"]);
});

test("a body over the limit is not read to its end", async () => {
  let sent = 0;
  const piece = "x".repeat(16_384);
  const send = await to((_, response) => {
    plain(response);
    const more = () => {
      while (!response.destroyed && response.write(piece)) sent += piece.length;
    };
    response.on("drain", more);
    more();
  });
  const { value } = await run({ fetch: send });
  assert.deepEqual([value.tooLarge, value.complete, value.body.length], [true, false, 65_537]);
  assert.ok(sent < 50_000_000);
});

test("a body that breaks off is incomplete", async () => {
  const { error } = await run({
    fetch: await to((_, response) => {
      response.writeHead(200, { "content-type": "text/plain", "content-length": 500 });
      response.write(POLICY);
      setTimeout(() => response.destroy(), 20);
    }),
  });
  assert.deepEqual([error.code, error.blind], ["incomplete", false]);
});

test("a body that was encoded though nobody asked is told, and its octets are not exact", async () => {
  const { gzipSync } = await import("node:zlib");
  const { value, bytesExact } = await run({
    fetch: await to((request, response) => {
      assert.equal(request.headers["accept-encoding"], "identity");
      response.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" });
      response.end(gzipSync(POLICY));
    }),
  });
  assert.deepEqual(value.contentEncoding, ["gzip"]);
  assert.equal(bytesExact, false);
});

test("outside browsers the reasons of failures are facts", async () => {
  const ca = authority();
  const untrusted = await httpsServer(ca.issue({ names: ["localhost"] }), (_, response) => plain(response).end(POLICY));
  const closed = await httpServer(() => {});
  await closed.close();
  servers.push(untrusted);
  const codeAt = async (url) => (await run({ fetch: await to(url) })).error;
  const certificate = await codeAt(untrusted.url);
  assert.deepEqual([certificate.code, certificate.blind], ["certificate", false]);
  const connect = await codeAt(closed.url);
  assert.deepEqual([connect.code, connect.blind], ["connect", false]);
  const dns = await codeAt("http://no-such-host.invalid/");
  assert.deepEqual([dns.code, dns.blind], ["dns", false]);
  const unspoken = await run({ fetch: () => Promise.reject(new TypeError("Network connection lost.")) });
  assert.deepEqual([unspoken.error.code, unspoken.error.blind], ["network", true]);
});

test("the words and codes of other runtimes are understood", async () => {
  const { reasonOf } = await import("../../src/driver/reason.js");
  const said = {
    certificate: [
      {
        message: "fetch failed",
        cause: { message: "client error (Connect): invalid peer certificate: UnknownIssuer" },
      },
      { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
      { code: "UNKNOWN_CERTIFICATE_VERIFICATION_ERROR" },
      { cause: { code: "CERT_HAS_EXPIRED" } },
      { cause: { code: "ERR_TLS_CERT_ALTNAME_INVALID" } },
    ],
    dns: [{ message: "dns error: failed to lookup address information" }, { cause: { code: "ENOTFOUND" } }],
    connect: [
      { code: "ConnectionRefused" },
      { message: "tcp connect error: Connection refused (os error 111)" },
      { cause: { errors: [{ code: "ECONNREFUSED" }] } },
    ],
    timeout: [{ cause: { code: "UND_ERR_CONNECT_TIMEOUT" } }],
    tls: [
      { cause: { message: "client error (Connect): received fatal alert: ProtocolVersion" } },
      { cause: { code: "EPROTO" } },
      { cause: { code: "ERR_SSL_WRONG_VERSION_NUMBER" } },
    ],
    http: [
      { cause: { message: "client error (SendRequest): invalid HTTP version parsed" } },
      { cause: { code: "HPE_INVALID_CONSTANT" } },
    ],
  };
  for (const [reason, errors] of Object.entries(said)) {
    for (const error of errors) assert.equal(reasonOf(error).reason, reason, JSON.stringify(error));
  }
  for (const error of [undefined, null, "x", {}, { code: 5 }]) assert.equal(reasonOf(Object(error)).reason, undefined);
});
