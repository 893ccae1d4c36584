// What a page does with transports and stores, without a network.
import indexedDb from "mta-sts/stores/indexeddb";
import memory from "mta-sts/stores/memory";
import webStorage from "mta-sts/stores/web-storage";
import bytes from "mta-sts/transports/bytes";
import doh, { RESOLVERS } from "mta-sts/transports/doh";
import policyFetch from "mta-sts/transports/fetch";
import proxy from "mta-sts/transports/proxy";
import replay, { evidenceToJSON } from "mta-sts/transports/replay";

const POLICY = "version: STSv1\nmode: testing\nmx: *.example.com\nmax_age: 86400\n";

export async function exerciseDriver({ resolve }) {
  const supplied = bytes({ txt: "v=STSv1; id=1;", policy: POLICY });
  const first = await resolve("example.com", { transports: supplied, store: memory() });
  const again = await resolve("example.com", { transports: replay(JSON.stringify(evidenceToJSON(first.evidence))) });
  const blind = await resolve("example.com");
  // Nothing is asked of these.
  const others = [doh({ resolvers: RESOLVERS }), policyFetch(), proxy({ template: "/fetch?u={url}" }), indexedDb(), webStorage()];
  const decisions = [first, again, blind].map(({ decision }) => decision).join();
  if (decisions !== "testing,testing,unknown" || others.length !== 5) throw new Error(`the decisions are ${decisions}`);
  return "driver";
}
