import assert from "node:assert/strict";
import { domainToUnicode } from "node:url";
import { test } from "node:test";
import { checkDomain, Lookup, matchMx } from "mta-sts";

const domainOf = (name) => checkDomain(name).domain;
const kindOf = (name) => checkDomain(name).error?.kind;

test("a domain has its names", () => {
  assert.deepEqual(checkDomain("Example.COM."), {
    ok: true,
    domain: "example.com",
    txtName: "_mta-sts.example.com.",
    policyHost: "mta-sts.example.com",
    policyUrl: "https://mta-sts.example.com/.well-known/mta-sts.txt",
  });
});

test("what is no domain says why and where", () => {
  const { ok, error } = checkDomain("a_b.example");
  assert.deepEqual([ok, error.kind, error.at], [false, "bad-octet", 1]);
  assert.match(error.message, /octet 1/);
  for (const [name, kind] of [
    ["", "empty"],
    ["192.0.2.1", "ip-address"],
    ["[2001:db8::1]", "ip-address"],
    ["a..example", "empty-label"],
    ["x".repeat(1 << 20), "label-too-long"],
  ]) {
    assert.equal(kindOf(name), kind, name.slice(0, 20));
  }
});

test("U-labels become A-labels", () => {
  for (const [name, domain] of [
    ["Bücher.example", "xn--bcher-kva.example"],
    ["faß.example", "xn--fa-hia.example"],
    ["日本語。jp", "xn--wgv71a119e.jp"],
    ["😀.example", "xn--e28h.example"],
    ["xn--bcher-kva.bücher.example", "xn--bcher-kva.xn--bcher-kva.example"],
  ]) {
    assert.equal(domainOf(name), domain);
  }
});

test("each A-label that was made decodes to what it was made of", () => {
  for (const label of ["bücher", "ἀγορά", "правда", "日本語", "ไทย", "𐌰𐌱", "ab-ü-c"]) {
    assert.equal(domainToUnicode(domainOf(`${label}.example`)), `${label}.example`);
  }
});

test("nothing in a name is read as another part of a URL", () => {
  for (const name of [
    "ü/b.example",
    "ü\\b.example",
    "a@ü.example",
    "ü:25",
    "ü.example?x",
    "ü.example#x",
    "%65ü.example",
    "[ü]",
    "ü .example",
    "\tü.example",
    "ü\n.example",
    "ü\0.example",
    "ü_.example",
    "ü＠b.example",
    "ü／b.example",
    "ü％41.example",
    "ü：80",
    "\u2028ü",
  ]) {
    assert.equal(kindOf(name), "idna", JSON.stringify(name));
  }
});

test("what the runtime maps to an IP address is refused", () => {
  for (const name of ["１９２．０．２．１", "０x7f．１", "１２７。１", "１"])
    assert.equal(kindOf(name), "ip-address", name);
});

test("an A-label that nothing encodes to is refused beside U-labels", () => {
  for (const label of ["xn--zzzzzz99", "xn--", "xn--a", "xn--99999999", "xn--a-0"]) {
    assert.equal(kindOf(`${label}.ü.example`), "idna", label);
  }
});

test("lone surrogates are no name", () => {
  assert.equal(kindOf("a\ud800.example"), "idna");
  assert.equal(matchMx("a\udc00.example", "a.example").why, "bad-pattern");
});

test("without URL there are no U-labels, and ASCII names stay", () => {
  const { URL } = globalThis;
  try {
    delete globalThis.URL;
    assert.equal(kindOf("ü.example"), "idna");
    assert.equal(domainOf("example.com"), "example.com");
  } finally {
    globalThis.URL = URL;
  }
});

test("a match says why", () => {
  assert.deepEqual(matchMx("*.example.com", "mx.example.com"), { match: true, why: "wildcard" });
  assert.deepEqual(matchMx("*.example.com", "a.b.example.com"), { match: false, why: "depth", labels: 2 });
  assert.equal(matchMx("mx.example.com", "MX.example.com.").why, "exact");
  assert.equal(matchMx("mx.*.com", "mx.example.com").why, "bad-pattern");
  const { why, problem, at } = matchMx("mx.example.com", "a b");
  assert.deepEqual([why, problem, at], ["not-a-host", "bad-octet", 1]);
});

test("a lookup takes the same names", () => {
  const lookup = new Lookup("Bücher.example");
  assert.equal(lookup.domain, "xn--bcher-kva.example");
  assert.equal(lookup.want().name, "_mta-sts.xn--bcher-kva.example.");
  lookup.free();
  assert.throws(() => new Lookup("a..b"), { name: "MtaStsError", code: "domain" });
});
