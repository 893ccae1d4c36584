import assert from "node:assert/strict";
import { after, test } from "node:test";
import { decodeAnswer, encodeQuery } from "../../src/driver/dns-message.js";
import doh from "../../src/transports/doh.js";
import { dohServer, httpServer, message, txt } from "./servers.js";

const NAME = "_mta-sts.example.com.";
const OWNER = NAME.slice(0, -1);
const servers = [];
after(() => Promise.all(servers.map((server) => server.close())));

async function serving(answer, make = dohServer) {
  const server = await make(answer);
  servers.push(server);
  return `${server.url}/dns-query`;
}

async function ask(answers, options = {}) {
  const resolvers = await Promise.all(answers.map((answer) => (typeof answer === "string" ? answer : serving(answer))));
  return doh({ resolvers, ...options }).run({ name: NAME }, { signal: new AbortController().signal });
}

const good = () => ({ answers: [txt(OWNER, "v=STSv1; ", "id=1;")] });
const textOf = ({ value }) => value.records.map((record) => record.map((string) => new TextDecoder().decode(string)));

test("it asks by GET with id 0, so that answers can be cached, and says what it takes", async () => {
  let seen;
  const url = await serving((request, response) => {
    seen = request;
    response.end();
  }, httpServer);
  await ask([url]);
  assert.equal(seen.method, "GET");
  assert.equal(seen.headers.accept, "application/dns-message");
  const query = new URL(seen.url, url).searchParams.get("dns");
  assert.match(query, /^AAABAAABAAAAAAAA[\w-]+$/);
});

test("a URI template's {?dns} means the same, and other parameters stay", async () => {
  const url = await serving(good);
  assert.deepEqual(textOf(await ask([`${url}{?dns}`])), [["v=STSv1; ", "id=1;"]]);
  assert.deepEqual(textOf(await ask([`${url}?key=1`])), [["v=STSv1; ", "id=1;"]]);
});

test("a record's strings and its octets come as they are", async () => {
  const strange = new Uint8Array([0xef, 0xbb, 0xbf, 0xff, 0, 0x76]);
  const { value } = await ask([() => ({ answers: [txt(OWNER, strange, "", "x".repeat(255)), txt(OWNER, "other")] })]);
  assert.deepEqual(value.records[0][0], strange);
  assert.deepEqual(
    value.records[0].map(({ length }) => length),
    [6, 0, 255],
  );
  assert.equal(value.records.length, 2);
});

test("CNAME records in the answer are followed, and only records at their end count", async () => {
  const cname = (name, data) => ({ name, type: "CNAME", class: "IN", ttl: 0, data });
  const chain = [
    cname(OWNER, "a.example.net"),
    cname("A.example.net", "b.example.net"),
    txt("B.example.NET", "found"),
    txt("other.example", "no"),
  ];
  const { value } = await ask([() => ({ answers: chain })]);
  assert.equal(value.records.length, 1);
  assert.deepEqual(value.chain, [OWNER, "a.example.net", "b.example.net"]);
  const circle = await ask([() => ({ answers: [cname(OWNER, "a.example"), cname("a.example", OWNER)] })]);
  assert.equal(circle.error.code, "malformed");
});

test("NXDOMAIN and an empty answer are absence", async () => {
  assert.equal((await ask([() => ({ rcode: 3 })])).value.status, "absent");
  assert.equal((await ask([() => ({})])).value.status, "absent");
  assert.equal((await ask([() => ({ rcode: 3 }), () => ({})])).value.status, "absent");
});

test("SERVFAIL and REFUSED were seen, and are no absence", async () => {
  for (const [rcode, code] of [
    [2, "servfail"],
    [5, "refused"],
  ]) {
    const { value, error } = await ask([() => ({ rcode })]);
    assert.equal(value, undefined);
    assert.deepEqual([error.code, error.blind], [code, false]);
  }
});

const bad = {
  "an HTTP error": (_, response) => void response.writeHead(503).end(),
  "a redirect": (_, response) => void response.writeHead(302, { location: "https://example.com/" }).end(),
  HTML: (_, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  "no content type": (_, response) => void response.writeHead(200).end("x"),
  "no octets": () => new Uint8Array(),
  garbage: () => new Uint8Array(400).fill(0xc0),
  "another id": (question) => message({ id: 7, questions: [question] }, good()),
  "a query": () => encodeQuery(NAME),
  "another question": () => message({ id: 0, questions: [{ name: "example.org", type: "TXT", class: "IN" }] }, good()),
  "another type": () => message({ id: 0, questions: [{ name: OWNER, type: "A", class: "IN" }] }, good()),
  "two questions": (question) => message({ id: 0, questions: [question, question] }, good()),
  "no question": () => message({ id: 0, questions: [] }, good()),
  "more than there can be": (_, response) => {
    response.writeHead(200, { "content-type": "application/dns-message" });
    response.end(new Uint8Array(70_000));
  },
  "half a body": (_, response) => {
    response.writeHead(200, { "content-type": "application/dns-message", "content-length": 100 });
    response.write("x");
    setTimeout(() => response.destroy(), 20);
  },
  nothing: (_, response) => void response.destroy(),
};
for (const [what, answer] of Object.entries(bad)) {
  test(`a resolver that answers with ${what} tells nothing about the domain`, async () => {
    const { value, error } = await ask([answer]);
    assert.equal(value, undefined);
    assert.equal(error.blind, true);
    // Another resolver that answers makes up for it.
    const made = await ask([answer, good]);
    assert.deepEqual(textOf(made), [["v=STSv1; ", "id=1;"]]);
    assert.equal(made.notes.length, 1);
  });
}

test("a resolver that hangs is given up", async () => {
  const hang = () => new Promise(() => {});
  const { error } = await ask([hang], { timeout: 50 });
  assert.deepEqual([error.code, error.blind], ["timeout", true]);
  const made = await ask([hang, good], { timeout: 50 });
  assert.equal(made.value.status, "records");
});

test("resolvers that disagree tell nothing, and both answers are kept", async () => {
  const other = () => ({ answers: [txt(OWNER, "v=STSv1; id=2;")] });
  for (const answers of [
    [good, other],
    [good, () => ({})],
  ]) {
    const { value, error, answers: each } = await ask(answers);
    assert.equal(value, undefined);
    assert.deepEqual([error.code, error.blind], ["disagree", true]);
    assert.match(error.message, /resolvers disagree/);
    assert.equal(each.length, 2);
  }
});

test("the order of records and the split of a record into strings are no disagreement", async () => {
  const one = () => ({ answers: [txt(OWNER, "v=STSv1; id=1;"), txt(OWNER, "x")] });
  const two = () => ({ answers: [txt(OWNER, "x"), txt(OWNER, "v=STSv1;", " id=1;")] });
  assert.equal((await ask([one, two])).value.status, "records");
});

test("SERVFAIL from one resolver and records from another are the records", async () => {
  const made = await ask([() => ({ rcode: 2 }), good]);
  assert.equal(made.value.status, "records");
  assert.match(made.notes[0], /SERVFAIL/);
});

test("an answer cut anywhere is malformed", () => {
  const whole = message({ id: 0, questions: [{ name: OWNER, type: "TXT", class: "IN" }] }, good());
  assert.equal(decodeAnswer(whole, NAME).status, "records");
  for (let length = 0; length < whole.length; length++) {
    assert.equal(decodeAnswer(whole.subarray(0, length), NAME).code, "malformed", `${length} octets`);
  }
});

test("a record whose strings do not fill it, or reach beyond it, is malformed", () => {
  const whole = message(
    { id: 0, questions: [{ name: OWNER, type: "TXT", class: "IN" }] },
    { answers: [txt(OWNER, "abc"), txt(OWNER, "d")] },
  );
  const first = whole.findIndex((octet, at) => octet === 3 && whole[at + 1] === 97 && whole[at + 2] === 98);
  for (const [at, octet] of [
    [first, 2],
    [first, 4],
    [first, 200],
    [first - 1, 3],
    [first - 1, 5],
    [first - 2, 255],
  ]) {
    const changed = whole.slice();
    changed[at] = octet;
    assert.equal(decodeAnswer(changed, NAME).code, "malformed", `${octet} at ${at}`);
  }
});

test("compression pointers to themselves, forward and in circles end", () => {
  const head = encodeQuery(NAME);
  head[2] |= 0x80;
  head[7] = 1;
  for (const name of [
    [0xc0, head.length],
    [0xc0, head.length + 2, 0xc0, head.length],
    [0xc0, 0xff],
    [0xff, 0xff],
  ]) {
    const rest = [...name, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 1, 65];
    assert.equal(decodeAnswer(new Uint8Array([...head, ...rest]), NAME).code, "malformed");
  }
});

test("changed messages neither throw nor take long", () => {
  const whole = message({ id: 0, questions: [{ name: OWNER, type: "TXT", class: "IN" }] }, good());
  let seed = 1;
  const random = (below) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const began = Date.now();
  for (let round = 0; round < 20_000; round++) {
    const changed = whole.slice();
    for (let n = random(6); n >= 0; n--) changed[random(changed.length)] = random(256);
    const { status, code } = decodeAnswer(changed, NAME);
    assert.ok(status !== undefined || typeof code === "string");
  }
  // The dearest message: chains of compression pointers, for as many records as fit.
  const long = new Uint8Array(65_535);
  long.set(encodeQuery(NAME));
  long.set([0x80, 0], 2);
  long.set([0xff, 0xff], 6);
  const start = encodeQuery(NAME).length;
  // One record that is skipped holds the chain.
  long.set([0, 0, 1, 0, 1, 0, 0, 0, 0, 0x3f, 0x80], start);
  for (let at = start + 13; at < 16_300; at += 2) long.set([0xc0 | ((at - 2) >> 8), (at - 2) & 255], at);
  for (let at = start + 11 + 0x3f80; at + 12 < long.length; at += 12) long.set([0xff, 0x3b, 0, 1, 0, 1], at);
  decodeAnswer(long, NAME);
  assert.ok(Date.now() - began < 10_000);
});
