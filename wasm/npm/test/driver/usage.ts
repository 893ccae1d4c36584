// Compiled, never run: the types of the fetch driver.
import { resolve, steps, type Observation, type Result, type Store, type Transport, type Transports } from "mta-sts";
import indexedDb from "mta-sts/stores/indexeddb";
import memory from "mta-sts/stores/memory";
import webStorage from "mta-sts/stores/web-storage";
import bytes from "mta-sts/transports/bytes";
import doh, { RESOLVERS } from "mta-sts/transports/doh";
import policyFetch from "mta-sts/transports/fetch";
import node, { nodeDns, nodeHttps } from "mta-sts/transports/node";
import proxy, { type ProxyAnswer } from "mta-sts/transports/proxy";
import replay, { evidenceFromJSON, evidenceToJSON } from "mta-sts/transports/replay";

export async function look(signal: AbortSignal, file: File): Promise<string> {
  const transports: Transports = [
    doh({ resolvers: RESOLVERS, timeout: 3000, fetch }),
    policyFetch({ weakOracle: true }),
    proxy({ template: "/api/fetch?u={url}", headers: { "x-key": "1" } }),
    bytes({ txt: null, policy: file }),
    [nodeDns({ servers: "192.0.2.53" }), nodeHttps({ allowNets: ["127.0.0.0/8"] })],
    node({ ca: "", httpsPort: 8443 }),
  ];
  const stores: Store[] = [
    memory({ max: 10 }),
    webStorage({ storage: localStorage }),
    indexedDb({ factory: indexedDB }),
  ];
  const result: Result = await resolve("example.com", {
    transports,
    store: stores[0],
    signal,
    now: () => 0,
    budget: { ms: 1 },
  });
  const again: Observation[] = evidenceFromJSON(JSON.stringify(evidenceToJSON(result.evidence)));
  await resolve("example.com", { transports: replay(evidenceToJSON(again)), intent: "refresh" });
  for (const seen of again) if (seen.kind === "dns") seen.value?.records[0]?.[0]?.length;
  switch (result.decision) {
    case "unknown":
      return result.unknown.map(({ what, howToSupply }) => what + howToSupply[0]).join();
    case "no-policy":
      return result.outcome.failure?.message ?? "none";
    default:
      return result.policy?.mx.join() ?? "";
  }
}

export async function watch(): Promise<void> {
  for await (const event of steps("example.com")) {
    if (event.type === "want" && event.want.want === "https") event.want.url.length;
    if (event.type === "done") event.result.entry?.length;
  }
  // @ts-expect-error there is no such intent
  await resolve("example.com", { intent: "guess" });
  // @ts-expect-error a proxy needs its template
  proxy();
}

/** A transport and a store of one's own. */
export const own: Transport = {
  kind: "dns",
  name: "own",
  async run(request, { signal }) {
    signal.throwIfAborted();
    const seen = {
      kind: "dns" as const,
      source: "own",
      request,
      at: new Date().toISOString(),
      ms: 1,
      bytesExact: true,
    };
    return { ...seen, value: { status: "absent", records: [] } };
  },
};
export const answer: ProxyAnswer = { status: 200, headers: [], bodyBase64: "" };
