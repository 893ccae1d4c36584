import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTlsrpt, parseTxt } from "mta-sts";

const octets = (text) => new TextEncoder().encode(text);

test("a record is found among others", () => {
  for (const records of [
    ["v=spf1 -all", "v=STSv1; id=20260101;"],
    [["v=STSv1; ", "id=20260101;"]],
    [octets("v=STSv1; id=20260101;")],
    [[octets("v=STSv1; id="), "20260101;"], []],
  ]) {
    assert.deepEqual(parseTxt(records), { ok: true, id: "20260101" });
  }
});

test("what is wrong with the records is said", () => {
  const kinds = (records) => parseTxt(records).error;
  assert.deepEqual(kinds([]), {
    kind: "not-found",
    at: null,
    count: null,
    message: 'no record begins with "v=STSv1;"',
  });
  assert.equal(kinds(["v=STSv1; id=1;", "v=STSv1; id=2;"]).kind, "several");
  assert.equal(kinds(["v=STSv1; id=1;", "v=STSv1; id=2;"]).count, 2);
  assert.equal(typeof kinds(["v=STSv1; id=a-b;"]).at, "number");
});

test("destinations of reports keep their order", () => {
  const { rua } = parseTlsrpt(["v=TLSRPTv1; rua=mailto:a@example.com,https://example.com/r"]);
  assert.deepEqual(rua, ["mailto:a@example.com", "https://example.com/r"]);
  assert.equal(parseTlsrpt(["v=TLSRPTv1;"]).error.kind, "no-rua");
});
