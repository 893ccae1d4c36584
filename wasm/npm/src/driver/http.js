/**
 * The options of a request that neither follows, sends nor stores anything, each only where the
 * runtime has it: workerd throws at some that it does not know.
 */
export function safeInit(init) {
  const safe = {
    mode: "cors",
    redirect: "manual",
    cache: "no-store",
    credentials: "omit",
    referrerPolicy: "no-referrer",
  };
  const has = typeof Request === "function" ? Request.prototype : safe;
  const known = Object.entries({ ...safe, ...init }).filter(([name, value]) => value !== undefined && name in has);
  return Object.fromEntries(known);
}

/** At most `max` octets of the body; `tooLarge` if there was more, which is not read. */
export async function readBody(response, max) {
  const pieces = [];
  let length = 0;
  const reader = response.body?.getReader();
  try {
    while (reader && length <= max) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      length += value.length;
    }
  } finally {
    // Frees the connection; on a stream that ended or failed it does nothing.
    reader?.cancel().catch(() => {});
  }
  return { body: join(pieces, Math.min(length, max + 1)), tooLarge: length > max };
}

export function join(pieces, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece.subarray(0, length - at), at);
    at = Math.min(length, at + piece.length);
  }
  return whole;
}

/** A response that is of no use is not left open. */
export function discard(response) {
  response.body?.cancel().catch(() => {});
}

export const mediaType = (response) => (response.headers.get("content-type") ?? "").split(";")[0].trim().toLowerCase();

/**
 * Whether fetch here hides from scripts what another origin does not share. In servers it hides nothing, so that a
 * failure there has a reason.
 */
export function isBrowser() {
  const { process, Deno, Bun, navigator } = globalThis;
  // Electron's windows have `process`, and are browsers.
  const isNode = process?.versions?.node !== undefined && process.type !== "renderer";
  return !(isNode || Deno || Bun || navigator?.userAgent === "Cloudflare-Workers");
}
