import { Resolver } from "node:dns/promises";
import { messageOf, observe } from "../observation.js";

/** Over the servers given, else those of the system; its queries are absolute: no search list, no hosts file. */
export function resolverOf({ servers, dnsTimeout = 1500, dnsTries = 2 }) {
  const resolver = new Resolver({ timeout: dnsTimeout, tries: dnsTries });
  if (servers) resolver.setServers([servers].flat());
  return resolver;
}

/** TXT records from name servers, over UDP and TCP. */
export function nodeDns(options = {}) {
  resolverOf(options); // Wrong servers show now rather than in the middle of a lookup.
  return {
    kind: "dns",
    name: "node-dns",
    capabilities: ["txt", "failures"],
    run: (request, { signal }) => ask(resolverOf(options), request, signal, options.vantage),
  };
}

async function ask(resolver, request, signal, vantage) {
  const looked = observe("dns", "node-dns", request, vantage);
  const cancel = () => resolver.cancel();
  signal.addEventListener("abort", cancel);
  try {
    const records = await resolver.resolveTxt(request.name);
    return looked.seen({ status: "records", records: records.map((record) => record.map(octets)) });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return failure(looked, error);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

// Node hands each octet out as one character.
const octets = (string) => Uint8Array.from(string, (char) => char.charCodeAt(0));

const RCODES = {
  ENODATA: "NOERROR",
  ENOTFOUND: "NXDOMAIN",
  EFORMERR: "FORMERR",
  ENOTIMP: "NOTIMP",
  EREFUSED: "REFUSED",
  ESERVFAIL: "SERVFAIL",
};

function failure(looked, error) {
  const rcode = RCODES[error.code];
  // RFC 8461 §3.1: NXDOMAIN and NODATA are absence.
  if (rcode === "NOERROR" || rcode === "NXDOMAIN") return looked.seen({ status: "absent", records: [], rcode });
  if (rcode) return looked.failed(rcode.toLowerCase(), `the answer is ${rcode}`, { rcode });
  if (error.code === "ETIMEOUT") return looked.failed("timeout", "the name servers do not answer");
  if (error.code === "EBADRESP") return looked.failed("malformed", "the name server's answer is malformed");
  return looked.blind("network", `the name servers cannot be reached: ${messageOf(error)}`);
}
