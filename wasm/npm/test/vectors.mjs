// Reads the conformance vectors and scores outcomes as their README says.
import { readFileSync } from "node:fs";

const folder = new URL("../../../tests/vectors/", import.meta.url);

export const read = (file) => readFileSync(new URL(file, folder));
export const casesOf = (file) => JSON.parse(read(file));

/** The outcome of a case through an entry of the package; each file has its own kind. */
export const outcomes = {
  "policies.json": ({ parsePolicy }, { body, body_b64 }) => {
    const { ok, policy } = parsePolicy(body_b64 === undefined ? Buffer.from(body) : Buffer.from(body_b64, "base64"));
    return { ok, mode: policy?.mode ?? null, max_age: policy?.maxAge ?? null, mx: policy?.mx ?? [] };
  },
  "txt_records.json": ({ parseTxt }, { records }) => {
    const { ok, id = null } = parseTxt(rrset(records));
    return { ok, id };
  },
  "mx_match.json": ({ matchMx }, { pattern, host }) => ({ match: matchMx(pattern, host).match }),
  "tlsrpt_records.json": ({ parseTlsrpt }, { records }) => {
    const { ok, rua = [] } = parseTlsrpt(rrset(records));
    return { ok, usable: rua };
  },
  "tlsrpt_reports/index.json": ({ parseReport }, { file }) => {
    const { ok, report } = parseReport(read(`tlsrpt_reports/${file}`));
    return { ok, fields: ok ? reportFields(report) : {} };
  },
};

const octets = (string) => (typeof string === "string" ? Buffer.from(string) : Buffer.from(string.b64, "base64"));
const rrset = (records) => records.map((record) => record.map(octets));

export function reportFields({ policies, organizationName, contactInfo, start, end }) {
  const details = policies.flatMap(({ failureDetails }) => failureDetails);
  const sum = (key) => Number(policies.reduce((sum, policy) => sum + BigInt(policy[key]), 0n));
  const [first] = policies;
  return {
    organization_name: organizationName,
    contact_info: contactInfo,
    start: new Date(start * 1000).toISOString().replace(".000Z", "Z"),
    end: new Date(end * 1000).toISOString().replace(".000Z", "Z"),
    policies: policies.length,
    success: sum("successfulSessions"),
    failure: sum("failedSessions"),
    failure_details: details.length,
    policy_type: first?.type ?? null,
    policy_domain: first?.domain ?? null,
    mx_host: first?.mxHost ?? null,
    result_types: details.map(({ resultType }) => resultType),
  };
}

/** Whether the outcome is the one that is preferred, or an acceptable one. */
export const agrees = (expect, got) => [expect, ...expect.acceptable].some((outcome) => matches(outcome, got));

const INFORMATION = ["strictness", "acceptable", "note"];
const SETS = ["mx", "mx_host", "result_types"];

function matches(outcome, got) {
  return Object.entries(outcome).every(
    ([key, expected]) => INFORMATION.includes(key) || valueAgrees(key, expected, got[key]),
  );
}

function valueAgrees(key, expected, got) {
  if (key === "fields") return matches(expected, got);
  if (SETS.includes(key)) return folded(expected) === folded(got);
  if (key === "start" || key === "end") return Date.parse(expected) === Date.parse(got);
  return JSON.stringify(expected) === JSON.stringify(got);
}

const folded = (list) => [...new Set((list ?? []).map((name) => name.toLowerCase()))].sort().join("\n");
