import { fromBase64 } from "../driver/base64.js";
import { discard, mediaType, readBody, safeInit } from "../driver/http.js";
import { FETCH_FAILURES, isExchange, isObject, messageOf, observe } from "../driver/observation.js";

// Statuses with which a proxy speaks of itself.
const OF_THE_PROXY = [407, 429, 502, 503, 504];

// base64 is longer by a third; header fields and certificate facts come on top.
const room = (maxBody) => maxBody * 1.4 + 65_536;

/** The policy through a proxy of the page's own: `template` holds `{url}`, as in `/api/fetch?u={url}`. */
export default function proxy({ template, fetch = globalThis.fetch, headers, vantage } = {}) {
  if (typeof template !== "string" || !template.includes("{url}")) throw new TypeError("template has no {url}");
  return {
    kind: "https",
    name: "proxy",
    capabilities: ["status", "redirect", "content-type", "content-encoding"],
    async run(request, { signal, maxBody }) {
      const looked = observe("https", "proxy", request, vantage);
      const address = template.split("{url}").join(encodeURIComponent(request.url));
      try {
        const response = await fetch(address, safeInit({ headers, signal }));
        return await understand(looked, response, maxBody);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        return looked.blind("proxy", `the proxy cannot be used: ${messageOf(error)}`);
      }
    },
  };
}

async function understand(looked, response, maxBody) {
  const type = mediaType(response);
  if (type === "application/json") return exchange(looked, response, maxBody);
  if (type === "text/plain" && !response.redirected && !OF_THE_PROXY.includes(response.status)) {
    return raw(looked, response, maxBody);
  }
  discard(response);
  // An error page of the proxy says nothing about the policy host.
  return looked.blind("proxy", `the proxy's answer (status ${response.status}) is no response of the policy host`);
}

/** The origin's body with the origin's status. */
async function raw(looked, response, maxBody) {
  const { body, tooLarge } = await readBody(response, maxBody);
  const fields = (name) => (response.headers.has(name) ? [response.headers.get(name)] : []);
  const head = { status: response.status, contentType: fields("content-type"), contentEncoding: [] };
  return looked.seen({ ...head, body, tooLarge, complete: !tooLarge }, { bytesExact: false });
}

/** `{status, headers: [[name, value]], bodyBase64, complete?, tls?}` or `{error: {code, message}}`. */
async function exchange(looked, response, maxBody) {
  const { body: text, tooLarge } = await readBody(response, room(maxBody));
  if (response.status !== 200 || tooLarge) throw new Error(`status ${response.status}${tooLarge ? ", too large" : ""}`);
  const told = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  if (isObject(told.error)) return failure(looked, told);
  const { status, headers, bodyBase64, complete = true, tls } = told;
  const isField = (field) => Array.isArray(field) && field.length === 2 && field.every(isFieldText);
  if (!Array.isArray(headers) || !headers.every(isField)) throw new Error("its header fields are no pairs of strings");
  const fields = (name) => headers.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
  const head = { status, headers, contentType: fields("content-type"), contentEncoding: fields("content-encoding") };
  const value = { ...head, body: fromBase64(bodyBase64 ?? ""), complete: complete === true };
  if (!isExchange(value)) throw new Error("its answer is no HTTP exchange");
  return looked.seen(value, factsOf(tls));
}

// A line break would make two header fields of one.
const isFieldText = (text) => typeof text === "string" && !/[\r\n\0]/.test(text);

function failure(looked, { error: { code, message }, tls }) {
  const text = typeof message === "string" ? message : "the proxy gave no reason";
  return FETCH_FAILURES.includes(code) ? looked.failed(code, text, factsOf(tls)) : looked.blind("proxy", text);
}

const factsOf = (tls) => (isObject(tls) ? { tls } : {});
