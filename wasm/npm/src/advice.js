import { fewOctets, octets, rrset } from "./arguments.js";

// One octet more than a report may have.
const ENOUGH = 32 * 1024 * 1024 + 1;

/** What only the full WASM has. */
export function adviceFunctions(glue, instance) {
  const lint = (f, taken) => {
    const findings = instance.guard(f);
    return findings && ((given) => JSON.parse(findings(taken(given))));
  };
  const parse = instance.guard(glue.parse_report);

  function parseReport(bytes) {
    const { error, ...report } = JSON.parse(parse(octets(bytes, "bytes").subarray(0, ENOUGH)));
    if (error !== undefined) return { ok: false, error: { message: error } };
    for (const policy of report.policies) {
      countsOf(policy);
      policy.failureDetails.forEach(countsOf);
    }
    return { ok: true, report };
  }

  return {
    api: {
      lintPolicy: lint(glue.lint_policy, (body) => fewOctets(body, "body")),
      lintTxt: lint(glue.lint_txt, rrset),
      lintTlsrpt: lint(glue.lint_tlsrpt, rrset),
      parseReport: parse && parseReport,
    },
  };
}

/** A count that a number would round came as a string. */
function countsOf(object) {
  for (const key of ["successfulSessions", "failedSessions"]) {
    if (typeof object[key] === "string") object[key] = BigInt(object[key]);
  }
}
