// Compiled, never run: the types say what the functions do.
import {
  checkDomain,
  entryBody,
  importEntry,
  init,
  initSync,
  inspectEntry,
  lintPolicy,
  lintTlsrpt,
  lintTxt,
  Lookup,
  matchMx,
  MtaStsError,
  parsePolicies,
  parsePolicy,
  parseReport,
  parseTlsrpt,
  parseTxt,
  preparePolicy,
  version,
  type Decision,
  type Finding,
  type Problem,
} from "mta-sts";
import { init as initSlim, Lookup as SlimLookup, parsePolicy as parseSlim } from "mta-sts/slim";

export async function start(module: WebAssembly.Module): Promise<string> {
  await init();
  await init(new URL("https://example.com/mta_sts_bg.wasm"));
  await init(fetch("https://example.com/mta_sts_bg.wasm"));
  await init({ prototype: module } as unknown as Response);
  initSync(new Uint8Array(8));
  await initSlim(module);
  // @ts-expect-error null is no module
  await init(null);
  // @ts-expect-error the slim entry has none of its own
  await initSlim();
  return version();
}

export function policies(body: Uint8Array): number {
  const result = parsePolicy(body);
  // @ts-expect-error there may be no policy
  result.policy;
  if (!result.ok) return result.error.at + result.error.line + result.error.column + result.omitted;
  const problems: Problem[] = result.problems;
  const modes: ("enforce" | "testing" | "none")[] = parsePolicies([body, "text", new ArrayBuffer(1)]).flatMap((each) =>
    each.ok ? [each.policy.mode] : [],
  );
  // @ts-expect-error a mode that no policy has
  if (result.policy.mode === "report") return 0;
  // @ts-expect-error numbers are no octets
  parsePolicy([1, 2, 3]);
  return problems.length + modes.length + result.policy.maxAge + (parseSlim(body).ok ? 1 : 0);
}

export function hosts(body: Uint8Array): string | null {
  const prepared = preparePolicy(body);
  // @ts-expect-error it may be null
  prepared.permits("mx.example.com");
  if (prepared === null) return null;
  // @ts-expect-error it cannot be changed
  prepared.mode = "none";
  const lines: string[] | undefined = prepared.lines;
  prepared[Symbol.dispose]();
  const { match, why, labels = 0 } = matchMx("*.example.com", "mx.example.com");
  return prepared.permits("mx.example.com") && match ? prepared.matching(why) : `${labels}${lines}`;
}

export function records(): string {
  const sts = parseTxt(["v=STSv1; id=1;", ["v=spf1", new Uint8Array(1)]]);
  const tlsrpt = parseTlsrpt([["v=TLSRPTv1;", "rua=mailto:a@example.com"]]);
  // @ts-expect-error the RRset is a list
  parseTxt("v=STSv1; id=1;");
  if (!sts.ok) return `${sts.error.kind} ${sts.error.at} ${sts.error.count} ${sts.error.message}`;
  const checked = checkDomain("bücher.example");
  if (!checked.ok) return checked.error.message;
  return sts.id + (tlsrpt.ok ? tlsrpt.rua.join() : tlsrpt.error.kind) + checked.policyUrl + checked.txtName;
}

export function owners(): (Finding | bigint | number)[] {
  const report = parseReport(new Uint8Array());
  const counts = report.ok ? report.report.policies.map((policy) => policy.failedSessions) : [];
  return [...lintPolicy(""), ...lintTxt([]), ...lintTlsrpt([]), ...counts];
}

export function look(entry: Uint8Array | null): Decision {
  const lookup = new Lookup("example.com", { entry, intent: "refresh", config: { backoff: 60 }, now: 1_800_000_000 });
  // @ts-expect-error there is no such intent
  new SlimLookup("example.com", { intent: "send" });
  const want = lookup.want();
  if (want.want === "txt") {
    lookup.txt([want.name]);
    lookup.txtAbsent(1);
    lookup.txtTempFail();
    // @ts-expect-error TXT has no URL
    want.url;
  } else if (want.want === "https") {
    const head = { status: 200, contentType: ["text/plain"], contentEncoding: null };
    if (lookup.httpsHead(head) && lookup.httpsBody(new Uint8Array(want.maxBody))) lookup.httpsEnd();
    lookup.httpsFailed("certificate");
    // @ts-expect-error no such reason
    lookup.httpsFailed("bad luck");
  }
  const outcome = lookup.outcome() ?? lookup.provisional();
  if (outcome === null) throw new MtaStsError("out-of-turn", "not yet");
  if (outcome.decision === "enforce") {
    const mx: string[] = outcome.policy.mx;
    mx.pop();
  }
  const stored = lookup.apply(entry, 1_800_000_000);
  lookup.policy()?.free();
  lookup.free();
  const known = importEntry({ domain: "example.com", id: "1", policy: "version: STSv1", fetchedAt: 1_800_000_000 });
  const held = inspectEntry(stored ?? known, lookup.domain);
  const body: Uint8Array | null = held.ok ? entryBody(known, held.domain) : null;
  if (body === null && !held.ok) console.log(held.error.message);
  return outcome;
}
