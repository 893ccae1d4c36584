import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../conformance.mjs", import.meta.url));
const b64 = (text) => Buffer.from(text).toString("base64");
const POLICY = "version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n";
const NOW = 1_800_000_000;

function ask(...requests) {
  const input = requests.map((request) => (typeof request === "string" ? request : JSON.stringify(request))).join("\n");
  const lines = execFileSync(process.execPath, [program], { input, encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => JSON.parse(line));
}

const op = (op, rest) => ({ kind: "lookup", op, ...rest });

test("each kind of request has an answer of the vectors' shape", () => {
  assert.deepEqual(
    ask(
      { kind: "policy", body_b64: b64(POLICY) },
      { kind: "txt", records: [[b64("v=STSv1; "), b64("id=1;")]] },
      { kind: "tlsrpt", records: [[b64("v=TLSRPTv1; rua=mailto:a@example.com")]] },
      { kind: "mx", pattern: "*.example.com", host: "mx.example.com" },
      { kind: "report", b64: b64("{}") },
    ),
    [
      { ok: true, mode: "enforce", max_age: 604800, mx: ["*.example.com"] },
      { ok: true, id: "1" },
      { ok: true, usable: ["mailto:a@example.com"] },
      { match: true },
      { ok: false, fields: {} },
    ],
  );
});

test("a lookup goes on over many requests, and errors end none", () => {
  const lookup = 1;
  const answers = ask(
    op("start", { domain: "example.com", entry: null, intent: "deliver", config: { recheck_after: 0 }, now: NOW }),
    op("want", { lookup }),
    op("end", { lookup }),
    op("txt", { lookup, records: [[b64("v=STSv1; id=1;")]] }),
    op("head", {
      lookup,
      status: 200,
      fields: [
        ["Content-Type", "text/plain"],
        ["X", "y"],
      ],
    }),
    op("body", { lookup, b64: b64(POLICY) }),
    op("end", { lookup }),
    op("outcome", { lookup }),
    op("apply", { lookup, current: null }),
    op("free", { lookup }),
    op("want", { lookup }),
    "{",
    { kind: "toString" },
    op("domain", { name: "Bücher.example" }),
    op("import", { domain: "example.com", id: "1", body_b64: b64(POLICY), fetched_at: NOW, checked_at: NOW }),
  );
  assert.deepEqual(answers[0], { lookup });
  assert.equal(answers[1].want, "txt");
  assert.match(answers[2].error, /^out-of-turn: /);
  assert.deepEqual([answers[3], answers[4], answers[5], answers[6]], [{}, { more: true }, { more: true }, {}]);
  assert.equal(answers[7].outcome.decision, "enforce");
  assert.equal(answers[7].applied, b64(POLICY));
  assert.match(Buffer.from(answers[8].entry, "base64").toString(), /^mta-sts-entry 1\ndomain example\.com\n/);
  for (const n of [10, 11, 12]) assert.equal(typeof answers[n].error, "string");
  assert.equal(answers[13].domain, "xn--bcher-kva.example");
  const [inspected] = ask(op("inspect", { entry: answers[14].entry, domain: "example.com", now: NOW }));
  assert.deepEqual([inspected.ok, inspected.id, inspected.body_b64], [true, "1", b64(POLICY)]);
});
