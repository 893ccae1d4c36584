import { discard, isBrowser, readBody, safeInit } from "../driver/http.js";
import { messageOf, observe } from "../driver/observation.js";
import { reasonOf } from "../driver/reason.js";

/** The policy host itself, by `fetch`. A browser shows only policy hosts that allow it by CORS. */
export default function policyFetch({
  fetch = globalThis.fetch,
  browser = isBrowser(),
  weakOracle = false,
  vantage,
} = {}) {
  return {
    kind: "https",
    name: "fetch",
    capabilities: ["status", "content-type", ...(browser ? [] : ["content-encoding", "failures"])],
    async run(request, { signal, maxBody }) {
      const looked = observe("https", "fetch", request, vantage);
      // Browsers choose the codings themselves, and undo them unseen.
      const headers = browser ? undefined : { "accept-encoding": "identity" };
      let response;
      try {
        response = await fetch(request.url, safeInit({ headers, signal }));
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        return browser ? hidden(looked, request, weakOracle && fetch, signal) : failure(looked, error);
      }
      return exchange(looked, response, browser, signal, maxBody);
    },
  };
}

async function exchange(looked, response, browser, signal, maxBody) {
  const fields = (name) => (response.headers.has(name) ? [response.headers.get(name)] : []);
  // RFC 8461 §3.3: redirects are not followed. A browser hides which one it was, and 302 stands for all of them; a
  // runtime that followed nonetheless has shown us another resource.
  const isOpaque = response.type === "opaqueredirect" || response.redirected;
  const head = {
    status: isOpaque ? 302 : response.status,
    statusExact: !isOpaque,
    redirect: isOpaque || (response.status >= 300 && response.status < 400),
    contentType: fields("content-type"),
    // In a browser the coding was not refused, so that it is no fault.
    contentEncoding: browser ? [] : fields("content-encoding"),
    decodedByRuntime: browser ? "not known" : response.headers.has("content-encoding"),
  };
  if (response.type === "opaque" || response.type === "error") return looked.blind("hidden", "the response is hidden");
  if (head.status !== 200) {
    discard(response);
    return looked.seen({ ...head, body: new Uint8Array(), complete: true });
  }
  try {
    const read = await readBody(response, maxBody);
    // A browser ends a body without a length in the same way whether it was cut off or not.
    const complete = read.tooLarge ? false : browser && !response.headers.has("content-length") ? undefined : true;
    const notes = complete === undefined && { notes: ["the browser does not tell whether the body is complete"] };
    return looked.seen({ ...head, ...read, complete }, { bytesExact: head.decodedByRuntime !== true, ...notes });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return looked.failed("incomplete", `the response broke off: ${messageOf(error)}`);
  }
}

/** A browser gives one error for DNS, connections, certificates, CORS and its page's own policy. */
async function hidden(looked, { url }, fetch, signal) {
  const message = "the browser does not say why: no such host, no connection, a bad certificate, or no CORS header";
  if (!fetch) return looked.blind("hidden", message);
  try {
    // Resolves whatever was answered, if only something was; it has to follow redirects.
    discard(await fetch(url, safeInit({ mode: "no-cors", redirect: "follow", signal })));
    const note = "weak evidence: the host answers over HTTPS with a certificate that this browser trusts";
    return looked.blind("hidden", "the policy host does not allow other origins to read the policy (CORS)", {
      notes: [note],
      reachable: true,
    });
  } catch {
    if (signal.aborted) throw signal.reason;
    return looked.blind("hidden", message, { notes: ["weak evidence: no response either way"], reachable: false });
  }
}

function failure(looked, error) {
  const { reason, code, words } = reasonOf(error);
  const message = code ? `${words} (${code})` : words;
  return reason ? looked.failed(reason, message) : looked.blind("network", message);
}
