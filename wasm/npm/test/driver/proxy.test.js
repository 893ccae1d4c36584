import assert from "node:assert/strict";
import { after, test } from "node:test";
import proxy from "../../src/transports/proxy.js";
import { POLICY } from "./fixtures.js";
import { httpServer } from "./servers.js";

const REQUEST = { url: "https://mta-sts.example.com/.well-known/mta-sts.txt", host: "mta-sts.example.com" };
const servers = [];
after(() => Promise.all(servers.map((server) => server.close())));

async function through(handler) {
  const server = await httpServer(handler);
  servers.push(server);
  const transport = proxy({ template: `${server.url}/fetch?u={url}` });
  return transport.run(REQUEST, { signal: new AbortController().signal, maxBody: 65_536 });
}

const says =
  (type, text, status = 200) =>
  (_, response) =>
    response.writeHead(status, { "content-type": type }).end(text);
const json = (told) => says("application/json", typeof told === "string" ? told : JSON.stringify(told));
const base64 = (text) => Buffer.from(text).toString("base64");
const exchange = { status: 200, headers: [["Content-Type", "text/plain"]], bodyBase64: base64(POLICY) };

test("the URL of the policy is put into the template, encoded", async () => {
  let seen;
  await through((request, response) => {
    seen = request.url;
    response.end();
  });
  assert.equal(seen, `/fetch?u=${encodeURIComponent(REQUEST.url)}`);
  assert.throws(() => proxy({ template: "/fetch" }), TypeError);
});

test("an exchange is the policy host's response, octet for octet", async () => {
  const tls = { authorized: true };
  const body = Buffer.from([0xef, 0xbb, 0xbf, 13, 10, 0, 255]);
  const headers = [
    ["CONTENT-TYPE", "text/plain"],
    ["content-type", "text/html"],
    ["content-encoding", "gzip"],
  ];
  const {
    value,
    bytesExact,
    tls: facts,
  } = await through(json({ status: 203, headers, bodyBase64: body.toString("base64"), tls }));
  assert.deepEqual([...value.body], [...body]);
  assert.deepEqual(
    [value.status, value.contentType, value.contentEncoding],
    [203, ["text/plain", "text/html"], ["gzip"]],
  );
  assert.deepEqual(facts, tls);
  assert.equal(bytesExact, true);
});

test("a failure that the proxy saw is a fact, another of its errors is not", async () => {
  const seen = await through(json({ error: { code: "certificate", message: "expired" } }));
  assert.deepEqual(seen.error, { code: "certificate", message: "expired", blind: false });
  const own = await through(json({ error: { code: "rate-limit", message: "too many" } }));
  assert.deepEqual([own.error.code, own.error.blind], ["proxy", true]);
});

test("a body that the proxy could not read whole is not complete", async () => {
  assert.equal((await through(json({ ...exchange, complete: false }))).value.complete, false);
});

test("a raw answer in text/plain is the policy host's, with its status", async () => {
  const good = await through(says("text/plain; charset=utf-8", POLICY));
  assert.equal(new TextDecoder().decode(good.value.body), POLICY);
  assert.equal(good.bytesExact, false);
  assert.equal((await through(says("text/plain", "gone", 404))).value.status, 404);
});

const bad = {
  HTML: says("text/html", "<html>Login</html>"),
  "HTML with status 500": says("text/html", "<html>", 500),
  "no type": (_, response) => response.end("x"),
  "its own 502": says("text/plain", "bad gateway", 502),
  "its own 429": says("text/plain", "slow down", 429),
  "a redirect": (_, response) => response.writeHead(302, { location: "/login" }).end(),
  "broken JSON": json("{"),
  "JSON that is no object": json("null"),
  "an exchange without header fields": json({ status: 200 }),
  "a status that is none": json({ ...exchange, status: "200" }),
  "header fields that are none": json({ ...exchange, headers: [["a"]] }),
  "a header field with a line break": json({ ...exchange, headers: [["content-type", "text/plain\r\nx: y"]] }),
  "a body that is no base64": json({ ...exchange, bodyBase64: "%" }),
  "a body that is no text": json({ ...exchange, bodyBase64: 5 }),
  "an exchange with status 500": says("application/json", JSON.stringify(exchange), 500),
  "more than an exchange can hold": json(JSON.stringify({ ...exchange, bodyBase64: "A".repeat(400_000) })),
  nothing: (request) => request.socket.destroy(),
};
for (const [what, handler] of Object.entries(bad)) {
  test(`a proxy that answers with ${what} says nothing about the policy host`, async () => {
    const { value, error } = await through(handler);
    assert.equal(value, undefined);
    assert.deepEqual([error.code, error.blind], ["proxy", true]);
  });
}
