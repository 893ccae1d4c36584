/** What may become of a fetch, as the lookup machine names it (RFC 8461 §3.3, RFC 8460 §4.3). */
export const FETCH_FAILURES = ["certificate", "connect", "dns", "http", "incomplete", "not-allowed", "timeout", "tls"];

/**
 * Begins an observation. `seen` ends it with a value, `failed` with a failure that this vantage point
 * really saw, `blind` with a reason for which it could not look.
 */
export function observe(kind, source, request, vantage) {
  const at = new Date().toISOString();
  const started = performance.now();
  const end = (rest) => {
    const ms = Math.round(performance.now() - started);
    const { want, ...asked } = request;
    return { kind, source, request: asked, at, ms, bytesExact: true, ...(vantage && { vantage }), ...rest };
  };
  const error = (blind) => (code, message, more) => end({ error: { code, message, blind }, ...more });
  return { seen: (value, more) => end({ value, ...more }), failed: error(false), blind: error(true) };
}

/** Whether a transport's answer has the shape that the driver relies on; transports may be anybody's. */
export function isObservation(it, kind) {
  if (!isObject(it) || it.kind !== kind) return false;
  if (isObject(it.error))
    return typeof it.error.code === "string" && (it.error.blind || isFailure(it.error.code, kind));
  return isObject(it.value) && (kind === "dns" ? isDnsAnswer(it.value) : isExchange(it.value));
}

const isFailure = (code, kind) => kind === "dns" || FETCH_FAILURES.includes(code);

function isDnsAnswer({ status, records }) {
  const isRecord = (record) => Array.isArray(record) && record.every(isBytes);
  return status === "absent" || (status === "records" && Array.isArray(records) && records.every(isRecord));
}

export function isExchange({ status, contentType, contentEncoding, body }) {
  const areTexts = (values) => Array.isArray(values) && values.every((value) => typeof value === "string");
  const isStatus = Number.isInteger(status) && status >= 100 && status <= 999;
  return isStatus && areTexts(contentType) && areTexts(contentEncoding) && isBytes(body);
}

export const isBytes = (it) => it instanceof Uint8Array;
export const isObject = (it) => typeof it === "object" && it !== null;
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
