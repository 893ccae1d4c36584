import { discard, mediaType, readBody, safeInit } from "../driver/http.js";
import { messageOf, observe } from "../driver/observation.js";
import { TimedOut, within } from "../driver/abort.js";
import { toBase64Url } from "../driver/base64.js";
import { decodeAnswer, encodeQuery } from "../driver/dns-message.js";

/** Public resolvers that let web pages ask them. */
export const RESOLVERS = ["https://cloudflare-dns.com/dns-query", "https://dns.google/dns-query"];

// The longest DNS message there is.
const MAX_MESSAGE = 65_535;

/** DNS over HTTPS (RFC 8484) by GET, from all resolvers at once. They must agree. */
export default function doh({ resolvers = RESOLVERS, timeout = 5000, fetch = globalThis.fetch, vantage } = {}) {
  const urls = [resolvers].flat().map((url) => new URL(url));
  if (urls.length === 0) throw new TypeError("there is no resolver");
  return {
    kind: "dns",
    name: "doh",
    capabilities: ["txt", "compare"],
    queries: urls.length,
    async run(request, { signal, ms = timeout }) {
      const looked = observe("dns", "doh", request, vantage);
      const query = toBase64Url(encodeQuery(request.name));
      const one = (url) => askOne({ url, query, request, fetch, vantage, signal, ms: Math.min(timeout, ms * 0.9) });
      return compare(looked, await Promise.all(urls.map(one)));
    },
  };
}

async function askOne({ url, query, request, fetch, vantage, signal, ms }) {
  const looked = observe("dns", url.host, request, vantage);
  const address = new URL(url);
  // A template of RFC 8484, `…{?dns}`, means the same.
  address.search = address.search.replace(/^\?$/, "");
  address.href = address.href.replace(/%7B[?&]dns%7D$/i, "");
  address.searchParams.set("dns", query);
  try {
    return await within([signal], ms, (signal) => exchange(looked, address.href, request, fetch, signal));
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof TimedOut) return looked.blind("timeout", `${url.host}: ${error.message}`);
    return looked.blind("network", `${url.host} cannot be reached: ${messageOf(error)}`);
  }
}

async function exchange(looked, address, request, fetch, signal) {
  const response = await fetch(address, safeInit({ headers: { accept: "application/dns-message" }, signal }));
  if (response.status !== 200) {
    discard(response);
    return looked.blind("http", `the resolver answered with status ${response.status}`);
  }
  if (mediaType(response) !== "application/dns-message") {
    discard(response);
    return looked.blind("http", "the resolver's answer is no DNS message");
  }
  const { body, tooLarge } = await readBody(response, MAX_MESSAGE);
  if (tooLarge) return looked.blind("malformed", "the resolver's answer is longer than a DNS message can be");
  const { code, message, ...answer } = decodeAnswer(body, request.name);
  if (code === "malformed") return looked.blind(code, message);
  // Another resolver would fail as well: the domain's own servers do not answer as they should.
  return code ? looked.failed(code, message, answer) : looked.seen(answer);
}

/** One observation of the several. */
function compare(looked, answers) {
  const told = answers.filter(({ value }) => value);
  const all = answers.length > 1 ? { answers } : {};
  if (told.length === 0) {
    const { code, message } = (answers.find(({ error }) => !error.blind) ?? answers[0]).error;
    return looked[answers.every(({ error }) => error.blind) ? "blind" : "failed"](code, message, all);
  }
  if (new Set(told.map(({ value }) => fingerprint(value))).size > 1) {
    const names = told.map(({ source }) => source).join(" and ");
    return looked.blind("disagree", `resolvers disagree: ${names} gave different records`, all);
  }
  const notes = answers
    .filter(({ error }) => error)
    .map(({ source, error }) => `${source} did not answer: ${error.message}`);
  return looked.seen(told[0].value, { ...all, ...(notes.length > 0 && { notes }) });
}

// As a set: the order of an RRset means nothing, and RFC 8461 §3.1 joins the strings of a record.
function fingerprint({ records }) {
  const text = (record) => record.map((string) => String.fromCharCode(...string)).join("");
  return JSON.stringify([...new Set(records.map(text))].sort());
}
