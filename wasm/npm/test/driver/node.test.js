import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { after, test } from "node:test";
import { guard } from "../../src/driver/node/guard.js";
import { resolve } from "../../src/node.js";
import node, { nodeDns, nodeHttps } from "../../src/transports/node.js";
import { authority } from "./certificates.js";
import { DOMAIN, POLICY, RECORD, octets } from "./fixtures.js";
import { httpsServer, txt, udpServer } from "./servers.js";

const HOST = "mta-sts.example.com";
const REQUEST = { url: `https://${HOST}/.well-known/mta-sts.txt`, host: HOST };
const CA = authority();
const GOOD = CA.issue({ names: [HOST] });
const servers = [];
after(() => Promise.all(servers.map((server) => server.close())));
const kept = (server) => (servers.push(server), server);

const loopback = (hostname, options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]);
const context = () => ({ signal: new AbortController().signal, maxBody: 65_536 });
const fetchAt = (port, options) =>
  nodeHttps({ ca: CA.ca, httpsPort: port, lookup: loopback, allowNets: ["127.0.0.0/8"], ...options }).run(
    REQUEST,
    context(),
  );

async function fetchFrom(handler, certificate = GOOD, options = {}) {
  const { port } = kept(await httpsServer({ ...certificate, ...options.server }, handler));
  return fetchAt(port, options);
}

/** A TLS server that writes octets as they are, and ends by `end`. */
async function fetchRaw(octets, end = (socket) => socket.end()) {
  const server = tls.createServer(GOOD, (socket) => {
    socket.on("error", () => {});
    socket.once("data", () => (socket.write(octets), end(socket)));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const close = () => new Promise((closed) => server.close(closed));
  servers.push({ close });
  return fetchAt(server.address().port);
}

const serve = (body) => (_, response) => response.writeHead(200, { "content-type": "text/plain" }).end(body);

test("a policy is fetched with the certificate's facts", async () => {
  let seen;
  const { value, tls } = await fetchFrom((request, response) => {
    seen = request;
    serve(POLICY)(request, response);
  });
  assert.equal(new TextDecoder().decode(value.body), POLICY);
  assert.equal(value.complete, true);
  assert.deepEqual(tls.subjectAltNames, [`DNS:${HOST}`]);
  assert.equal(tls.authorized, true);
  assert.match(tls.protocol, /^TLSv1\.[23]$/);
  assert.ok(new Date(tls.validTo) > new Date(tls.validFrom));
  assert.equal(seen.method, "GET");
  assert.equal(seen.url, "/.well-known/mta-sts.txt");
  assert.equal(seen.headers["accept-encoding"], "identity");
  assert.equal(seen.socket.servername, HOST);
});

test("a wildcard as the whole left-most label is good; the CN, other names and partial wildcards are not", async () => {
  const code = async (certificate) => (await fetchFrom(serve(POLICY), CA.issue(certificate))).error?.code;
  assert.equal(await code({ names: ["*.example.com"] }), undefined);
  for (const certificate of [
    { cn: HOST },
    { names: ["example.com"], cn: HOST },
    { names: ["mta*.example.com"] },
    { names: ["*.com"] },
  ]) {
    assert.equal(await code(certificate), "certificate", JSON.stringify(certificate));
  }
});

test("a refused certificate's facts are told", async () => {
  const { error, tls } = await fetchFrom(serve(POLICY), authority().issue({ names: [HOST] }));
  assert.equal(error.code, "certificate");
  assert.equal(tls.authorized, false);
  assert.deepEqual(tls.subjectAltNames, [`DNS:${HOST}`]);
});

test("TLS below 1.2 is a TLS failure", async () => {
  const server = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" };
  assert.equal((await fetchFrom(serve(POLICY), GOOD, { server })).error.code, "tls");
});

test("redirects are not followed", async () => {
  let requests = 0;
  const { value } = await fetchFrom(
    (_, response) => ((requests += 1), response.writeHead(302, { location: "/other" }).end()),
  );
  assert.deepEqual([value.status, value.redirect, requests], [302, true, 1]);
});

test("every Content-Type field is told", async () => {
  const { value } = await fetchRaw(
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-type: text/html\r\nContent-Length: 0\r\n\r\n",
  );
  assert.deepEqual(value.contentType, ["text/plain", "text/html"]);
});

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
const cut = (socket) => setTimeout(() => socket.destroy(), 20);

test("a body cut within its Content-Length or its chunks is incomplete", async () => {
  for (const octets of [
    `${HEAD}Content-Length: 500\r\n\r\n${POLICY}`,
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nversi\r\n`,
  ]) {
    for (const end of [cut, undefined]) {
      const { error } = await fetchRaw(octets, end);
      assert.equal(error.code, "incomplete");
    }
  }
});

test("a body that close_notify ends is complete", async () => {
  const { value } = await fetchRaw(`${HEAD}\r\n${POLICY}`);
  assert.equal(new TextDecoder().decode(value.body), POLICY);
});

test("a body that only TCP's end ends is incomplete", async (t) => {
  // A relay that passes TLS on and then ends TCP by itself.
  const server = tls.createServer(GOOD, (socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write(`${HEAD}\r\n${POLICY}`));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const relay = net.createServer((client) => {
    const upstream = net.connect(server.address().port, "127.0.0.1");
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.pipe(upstream);
    upstream.on("data", (octets) => client.write(octets));
    setTimeout(() => client.end(() => upstream.destroy()), 200);
  });
  await once(relay.listen(0, "127.0.0.1"), "listening");
  t.after(() => [relay, server].map((each) => each.close()));
  const { value, error } = await fetchAt(relay.address().port);
  assert.equal(value, undefined);
  assert.equal(error.code, "incomplete");
});

test("the largest body is whole, one octet more is too large, and no end is waited for", async () => {
  const fits = await fetchFrom(serve("x".repeat(65_536)));
  assert.deepEqual([fits.value.body.length, fits.value.complete], [65_536, true]);
  const over = await fetchFrom(serve("x".repeat(65_537)));
  assert.deepEqual([over.value.tooLarge, over.value.complete], [true, false]);
  let closed;
  const endless = await fetchFrom((_, response) => {
    closed = once(response, "close");
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write("x".repeat(10_000)));
    };
    response.on("drain", more);
    more();
  });
  assert.equal(endless.value.tooLarge, true);
  await closed;
});

test("what is not HTTP is told apart from a lost connection", async () => {
  assert.equal((await fetchRaw("220 mail.example.com ESMTP\r\n")).error.code, "http");
  assert.equal((await fetchRaw(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(200_000)}\r\n`)).error.code, "http");
  const closed = net.createServer((socket) => socket.destroy());
  await once(closed.listen(0, "127.0.0.1"), "listening");
  assert.equal((await fetchAt(closed.address().port)).error.code, "tls");
  closed.close();
  await once(closed, "close");
  const free = net.createServer();
  await once(free.listen(0, "127.0.0.1"), "listening");
  const { port } = free.address();
  free.close();
  assert.equal((await fetchAt(port)).error.code, "connect");
});

test("only global addresses are connected to, unless a net is opened", async () => {
  const { port } = kept(await httpsServer(GOOD, serve(POLICY)));
  assert.equal((await fetchAt(port, { allowNets: [] })).error.code, "not-allowed");
  const to = (address, family) => ({ lookup: (hostname, options, done) => done(null, address, family) });
  for (const [address, family] of [
    ["10.0.0.1", 4],
    ["::ffff:10.0.0.1", 6],
    ["64:ff9b::a00:1", 6],
    ["fd00::1", 6],
  ]) {
    assert.equal((await fetchAt(port, to(address, family))).error.code, "not-allowed", address);
  }
  // One that is allowed is used, the other never tried.
  const both = (hostname, options, done) =>
    done(null, [
      { address: "10.0.0.1", family: 4 },
      { address: "127.0.0.1", family: 4 },
    ]);
  assert.equal((await fetchAt(port, { lookup: both })).value.status, 200);
  const fails = (hostname, options, done) => done(new Error("no such host"));
  assert.equal((await fetchAt(port, { lookup: fails })).error.code, "dns");
});

test("an abort ends the query under way", async () => {
  const silent = kept(await udpServer(() => null));
  const abort = new AbortController();
  const asked = nodeDns({ servers: silent.address, dnsTimeout: 5000 }).run(
    { name: `${HOST}.` },
    { signal: abort.signal },
  );
  const looked = nodeHttps({ servers: silent.address, dnsTimeout: 5000 }).run(REQUEST, {
    signal: abort.signal,
    maxBody: 1,
  });
  setTimeout(() => abort.abort(), 20);
  const began = Date.now();
  await assert.rejects(asked, { name: "AbortError" });
  await assert.rejects(looked, { name: "AbortError" });
  assert.ok(Date.now() - began < 2000);
});

test("name servers that cannot be reached are a blind spot of ours", async () => {
  const gone = await udpServer(() => ({}));
  await gone.close();
  const options = { servers: gone.address, dnsTimeout: 200, dnsTries: 1 };
  assert.deepEqual((await nodeDns(options).run({ name: `${HOST}.` }, context())).error.blind, true);
  assert.deepEqual((await nodeHttps(options).run(REQUEST, context())).error.blind, true);
});

test("the guard knows the special addresses", () => {
  const allows = guard();
  const refused = `0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8
    192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1
    ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::10.0.0.1 64:ff9b::7f00:1 64:ff9b:1::808:808 100::1 2001::1 2001:2::1 2001:10::1
    2001:db8::1 2002:7f00:1::1 2002:c0a8:101::1 3fff::1 fc00::1 fe80::1 fe80::1%eth0 ff02::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
    nonsense`;
  const global = `8.8.8.8 100.63.255.255 100.128.0.1 172.32.0.1 192.0.1.1 198.20.0.1 2a00:1450:4001::1 2606:4700::1111 64:ff9b::8.8.8.8
    2002:808:808::1 2001:0:4136:e378:8000:63bf:f7f7:f7f7`;
  for (const address of refused.split(/\s+/)) assert.equal(allows(address), false, address);
  for (const address of global.split(/\s+/)) assert.equal(allows(address), true, address);
  const opened = guard(["127.0.0.0/8", "::1"]);
  for (const address of ["127.77.0.2", "::ffff:127.0.0.1", "::1"]) assert.equal(opened(address), true, address);
  for (const address of ["10.0.0.1", "::2"]) assert.equal(opened(address), false, address);
  for (const net of ["localhost", "127.0.0.0/99", "", "1.2.3"]) assert.throws(() => guard([net]), undefined, net);
});

test("name servers are asked, and each answer means what it says", async () => {
  const answers = {
    "found.example": { answers: [txt("found.example", new Uint8Array([0, 128, 255]), "x"), txt("found.example", "y")] },
    "nxdomain.example": { rcode: 3 },
    "empty.example": {},
    "servfail.example": { rcode: 2 },
    "refused.example": { rcode: 5 },
    "silent.example": null,
  };
  const server = kept(await udpServer(({ name }) => answers[name]));
  const dns = nodeDns({ servers: server.address, dnsTimeout: 200, dnsTries: 1 });
  const ask = (name) => dns.run({ name: `${name}.` }, context());
  const found = await ask("found.example");
  assert.deepEqual(found.value.records, [[new Uint8Array([0, 128, 255]), octets("x")], [octets("y")]]);
  assert.equal((await ask("nxdomain.example")).value.status, "absent");
  assert.equal((await ask("empty.example")).value.status, "absent");
  for (const code of ["servfail", "refused"]) {
    assert.deepEqual((await ask(`${code}.example`)).error, {
      code,
      message: `the answer is ${code.toUpperCase()}`,
      blind: false,
    });
  }
  assert.deepEqual((await ask("silent.example")).error.code, "timeout");
  assert.throws(() => nodeDns({ servers: "not a server" }));
});

test("a lookup by Node's own modules decides as a mail server does", async () => {
  const { port } = kept(await httpsServer(GOOD, serve(POLICY)));
  const a = { name: HOST, type: "A", class: "IN", ttl: 0, data: "127.0.0.1" };
  const zone = {
    [`_mta-sts.${DOMAIN} TXT`]: { answers: [txt(`_mta-sts.${DOMAIN}`, RECORD)] },
    [`${HOST} A`]: { answers: [a] },
  };
  const server = kept(await udpServer(({ name, type }) => zone[`${name} ${type}`] ?? {}));
  const options = { servers: server.address, ca: CA.ca, httpsPort: port, allowNets: ["127.0.0.0/8"] };
  const result = await resolve(DOMAIN, { transports: node(options) });
  assert.equal(result.decision, "enforce");
  assert.equal(result.source, "node-https");
});
