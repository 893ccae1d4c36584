import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePolicies, parsePolicy, preparePolicy } from "mta-sts";

const octets = (text) => new TextEncoder().encode(text);
const VALID = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n";
const POLICY = { mode: "enforce", maxAge: 604800, mx: ["mx1.example.com", "*.example.net"] };

test("a valid policy is its mode, age and patterns", () => {
  const expected = { ok: true, policy: POLICY, problems: [], omitted: 0 };
  assert.deepEqual(parsePolicy(octets(VALID)), expected);
  assert.deepEqual(parsePolicy(VALID), expected);
  assert.deepEqual(parsePolicy(octets(VALID).buffer), expected);
  assert.deepEqual(parsePolicy(Buffer.from(`xx${VALID}yy`).subarray(2, -2)), expected);
});

test("a policy of mode none needs no mx", () => {
  assert.deepEqual(parsePolicy("version: STSv1\nmode: none\nmax_age: 0\n").policy, { mode: "none", maxAge: 0, mx: [] });
});

test("an invalid policy says what is wrong, and where", () => {
  const { ok, error, problems, omitted } = parsePolicy("version: STSv1\nmode: report\nmx: a.example\nmax_age: 1\n");
  assert.equal(ok, false);
  assert.deepEqual([error.kind, error.at, error.line, error.column], ["bad-mode", 21, 2, 7]);
  assert.match(error.message, /mode/);
  assert.deepEqual([problems.length, omitted], [1, 0]);
});

test("offsets are octets, also after characters of several octets", () => {
  const text = "version: STSv1\n# ü€😀: x\nmode: testing\nmx: *.example.com\nmax_age: 1\n";
  for (const body of [text, octets(text)]) {
    const { policy, problems } = parsePolicy(body);
    assert.deepEqual(policy.mx, ["*.example.com"]);
    assert.equal(problems[0].end - problems[0].start, octets("# ü€😀: x").length);
  }
});

test("octets that are no text are read as far as they go", () => {
  const body = Uint8Array.of(...octets(VALID), 0xff, 0xfe, 0x80, 0x0a);
  const { ok, policy, problems } = parsePolicy(body);
  assert.equal(ok, true);
  assert.deepEqual(policy, POLICY);
  assert.equal(problems.length, 1);
});

test("a byte order mark hides the version", () => {
  const { ok, problems } = parsePolicy(Uint8Array.of(0xef, 0xbb, 0xbf, ...octets(VALID)));
  assert.equal(ok, false);
  assert.ok(problems.some(({ kind }) => kind === "byte-order-mark"));
});

test("a body over 64 KiB is too large, however large it is", () => {
  for (const size of [65_537, 1 << 20, 1 << 28]) {
    const { error } = parsePolicy(new Uint8Array(size));
    assert.deepEqual([error.kind, error.at], ["too-large", 65_536]);
  }
});

test("a batch gives what single calls give", () => {
  const bodies = [VALID, octets(VALID), "", "version: STSv1", octets(`${VALID}ü: 1\n`), new Uint8Array(70_000), VALID];
  assert.deepEqual(parsePolicies(bodies), bodies.map(parsePolicy));
  assert.deepEqual(parsePolicies([]), []);
});

test("a batch of more than one crossing gives what single calls give", () => {
  const long = octets(VALID + `x-pad: ${"x".repeat(60_000)}\n`);
  const results = parsePolicies(Array.from({ length: 150 }, () => long));
  assert.equal(results.length, 150);
  for (const result of results) assert.deepEqual(result, parsePolicy(long));
});

test("a prepared policy matches hosts as the policy does", () => {
  const policy = preparePolicy(VALID);
  assert.deepEqual([policy.mode, policy.maxAge, policy.mx], [POLICY.mode, POLICY.maxAge, POLICY.mx]);
  assert.equal(policy.permits("mx1.example.com"), true);
  assert.equal(policy.permits("MX1.Example.COM."), true);
  assert.equal(policy.permits("a.b.example.net"), false);
  assert.equal(policy.matching("a.example.net"), "*.example.net");
  assert.equal(policy.matching("example.net"), null);
  assert.equal(Buffer.from(policy.body()).toString(), VALID);
  policy.free();
  policy.free();
  assert.throws(() => policy.permits("mx1.example.com"), { code: "freed" });
});

test("an invalid policy cannot be prepared", () => {
  assert.equal(preparePolicy("version: STSv1"), null);
});
