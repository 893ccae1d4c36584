// All entries, with their types.
import { init, type Lookup as LookupType, Lookup, matchMx, MtaStsError, parsePolicy, parseReport, type Policy, resolve, type Result, steps } from "mta-sts";
import * as slim from "mta-sts/slim";
import indexedDb from "mta-sts/stores/indexeddb";
import memory from "mta-sts/stores/memory";
import webStorage from "mta-sts/stores/web-storage";
import bytes from "mta-sts/transports/bytes";
import doh, { RESOLVERS } from "mta-sts/transports/doh";
import policyFetch from "mta-sts/transports/fetch";
import node, { nodeDns, nodeHttps } from "mta-sts/transports/node";
import proxy from "mta-sts/transports/proxy";
import replay, { evidenceToJSON } from "mta-sts/transports/replay";

const POLICY = "version: STSv1\nmode: testing\nmx: *.example.com\nmax_age: 86400\n";

const parsed = parsePolicy(POLICY);
const policy: Policy | string = parsed.ok ? parsed.policy : parsed.error.message;
// @ts-expect-error A failure has no policy.
parsePolicy(POLICY).policy.mode;
// @ts-expect-error Octets are no number.
const wrong = () => parsePolicy(1);
const matched: boolean = matchMx("*.example.com", "mx.example.com").match;
const lookup: LookupType = new Lookup("example.com", { now: 1 });
const want = lookup.want();
if (want.want === "https") console.log(want.url, want.maxBody);
lookup.free();
const report = parseReport(new Uint8Array());
if (report.ok) console.log(report.report.policies[0]?.failureDetails.length);
const slimInit: (source: Uint8Array<ArrayBuffer>) => Promise<void> = (source) => slim.init(source);

async function main(): Promise<void> {
  await init();
  const transports = bytes({ txt: "v=STSv1; id=1;", policy: POLICY });
  const result: Result = await resolve("example.com", { transports, store: memory() });
  for await (const event of steps("example.com", { transports: replay(evidenceToJSON(result.evidence)) })) {
    if (event.type === "done" && event.result.decision !== "testing") throw new Error(event.result.decision);
  }
  try {
    new Lookup("");
  } catch (error) {
    if (!(error instanceof MtaStsError)) throw error;
    const code: string = error.code;
    console.log(`typed: ${code}, ${result.decision}, ${matched}, ${typeof policy} ${typeof wrong}`);
  }
}

export const others = [doh({ resolvers: RESOLVERS }), policyFetch(), proxy({ template: "/fetch?u={url}" }), node(), nodeDns(), nodeHttps()];
export const stores = [indexedDb(), webStorage()];
export { slimInit };

void main();
