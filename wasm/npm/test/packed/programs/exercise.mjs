// What a program does with the package, in any runtime: it throws at the first wrong answer.

const POLICY = "version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n";
const NOW = 1_800_000_000;

export function exercise(mtaSts) {
  const { checkDomain, Lookup, matchMx, MtaStsError, parsePolicies, parsePolicy, parseTxt, preparePolicy, version } = mtaSts;
  same(version(), "0.1.0");
  same(parsePolicy(POLICY).policy, { mode: "enforce", maxAge: 604800, mx: ["*.example.com"] });
  same(parsePolicy(new TextEncoder().encode("\ufeffversion: STSv1\n")).ok, false);
  same(parsePolicies([POLICY, ""]).map(({ ok }) => ok), [true, false]);
  same(parseTxt([["v=STSv1; ", "id=20"], "v=spf1 -all"]), { ok: true, id: "20" });
  same(parseTxt([]).ok, false);
  same(matchMx("*.example.com", "mx.example.com").match, true);
  same(matchMx("*.example.com", "a.mx.example.com"), { match: false, why: "depth", labels: 2 });
  same(checkDomain("Bücher.example").policyHost, "mta-sts.xn--bcher-kva.example");

  const policy = preparePolicy(POLICY);
  same([policy.permits("mx.example.com"), policy.permits("example.com")], [true, false]);
  policy.free();

  const lookup = new Lookup("example.com", { now: NOW });
  same(lookup.want(), { want: "txt", name: "_mta-sts.example.com." });
  lookup.txt(["v=STSv1; id=1;"], NOW);
  same(lookup.want().url, "https://mta-sts.example.com/.well-known/mta-sts.txt");
  same(lookup.httpsHead({ status: 200, contentType: "text/plain" }, NOW), true);
  same(lookup.httpsBody(POLICY, NOW), true);
  lookup.httpsEnd(NOW);
  same(lookup.outcome().decision, "enforce");
  same(failure(() => lookup.httpsEnd(NOW), MtaStsError), "out-of-turn");
  const entry = lookup.apply(null, NOW);
  lookup.free();
  same(failure(() => lookup.want(), MtaStsError), "freed");
  same(new Lookup("example.com", { entry, now: NOW + 1 }).outcome().decision, "enforce");
  same(failure(() => parsePolicy(1), MtaStsError), "argument");
  same(failure(() => new Lookup("127.0.0.1"), MtaStsError), "domain");
}

/** What slim leaves out. */
export function exerciseAll(mtaSts) {
  exercise(mtaSts);
  same(mtaSts.parseTlsrpt(["v=TLSRPTv1; rua=mailto:tls@example.com"]), { ok: true, rua: ["mailto:tls@example.com"] });
  same(mtaSts.lintPolicy(POLICY.replace("mx:", "nmx:"))[0].code.startsWith("STS-"), true);
  same(mtaSts.parseReport("{").ok, false);
  const entry = mtaSts.importEntry({ domain: "example.com", id: "1", policy: POLICY, fetchedAt: NOW });
  same(mtaSts.inspectEntry(entry, "example.com", NOW).live, true);
  return "parse, record, match, Lookup, entries, reports, errors";
}

const DOMAINS = ["enforce", "testing", "none", "invalid", "no-record", "status-404", "redirect-302", "expired-cert"].map((name) => `${name}.test`);

/**
 * Looks domains of the lab up. The decisions are the lab's; `blind` is a domain whose failure a runtime cannot tell
 * from others.
 */
export async function lookUp({ resolve }, lab, transports, { blind = [] } = {}) {
  for (const name of DOMAINS) {
    const { decision } = await resolve(name, { transports: transports(name) });
    const expected = lab.domains.find(({ domain }) => domain === name).decision.replace(" ", "-");
    same([name, decision], [name, blind.includes(name) ? "unknown" : expected]);
  }
  return `${DOMAINS.length} domains of the lab`;
}

function failure(work, MtaStsError) {
  try {
    work();
  } catch (error) {
    if (error instanceof MtaStsError) return error.code;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function same(got, expected) {
  if (JSON.stringify(got) !== JSON.stringify(expected)) {
    throw new Error(`it gave ${JSON.stringify(got)} in place of ${JSON.stringify(expected)}`);
  }
}
