import { MtaStsError, wrongArgument } from "./errors.js";

// Far more than any of the formats here may hold, and far less than would exhaust the memory of WASM.
const MAX_OCTETS = 16 * 1024 * 1024;

// 5138-11-16. What is later was meant as milliseconds.
const MAX_SECONDS = 1e11;

const encoder = new TextEncoder();
const tagOf = (value) => Object.prototype.toString.call(value);

/** The octets of an argument; a text is taken as UTF-8. The caller copies them before anything else runs. */
export function octets(value, what) {
  if (typeof value === "string") return encoder.encode(value);
  if (ArrayBuffer.isView(value)) {
    // By its tag, since other realms have another Uint8Array; a Buffer of Node is one too.
    if (value[Symbol.toStringTag] === "Uint8Array") return readable(value, what);
  } else if (value instanceof ArrayBuffer || tagOf(value) === "[object ArrayBuffer]") {
    return readable(viewOf(value, what), what);
  }
  throw wrongArgument(what, "a Uint8Array, an ArrayBuffer or a string", value);
}

/** As `octets`, for what no caller has megabytes of. */
export function fewOctets(value, what) {
  const taken = octets(value, what);
  if (taken.length > MAX_OCTETS) {
    throw new MtaStsError("argument", `${what} has ${taken.length} octets; more than ${MAX_OCTETS} are not taken`);
  }
  return taken;
}

function viewOf(buffer, what) {
  try {
    return new Uint8Array(buffer);
  } catch (cause) {
    throw detached(what, cause);
  }
}

function readable(view, what) {
  if (view.length === 0) {
    try {
      // An empty view is also what is left of a detached or shrunken buffer; this tells them apart.
      Uint8Array.prototype.keys.call(view);
    } catch (cause) {
      throw detached(what, cause);
    }
    return view;
  }
  const { buffer } = view;
  // A shared buffer may change under the parser, and text decoders refuse both kinds.
  return buffer.resizable || tagOf(buffer) === "[object SharedArrayBuffer]" ? new Uint8Array(view) : view;
}

function detached(what, cause) {
  const message = `${what} is a view of a buffer that was transferred or shrunken; hand over a copy of it, made before`;
  return new MtaStsError("detached", message, { cause });
}

/** A text for WASM; a lone surrogate becomes U+FFFD, which no name holds. */
export function text(value, what) {
  if (typeof value !== "string") throw wrongArgument(what, "a string", value);
  if (value.length > MAX_OCTETS) {
    throw new MtaStsError("argument", `${what} has ${value.length} characters; more than ${MAX_OCTETS} are not taken`);
  }
  return value;
}

/** A time in seconds since 1970. */
export function seconds(value, what) {
  if (typeof value !== "number" || !(value >= 0)) throw wrongArgument(what, "seconds since 1970", value);
  if (value > MAX_SECONDS) {
    throw new MtaStsError("argument", `${what} must be seconds since 1970; ${value} looks like milliseconds`);
  }
  return value;
}

export function wholeNumber(value, what, max) {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw wrongArgument(what, `a whole number from 0 to ${max}`, value);
  }
  return value;
}

export function fields(value, what) {
  if (value === null || typeof value !== "object") throw wrongArgument(what, "an object", value);
  return value;
}

export const now = () => Date.now() / 1000;

/** An RRset of TXT records in the form that the WASM takes (`wasm/src/lib.rs`). */
export function rrset(records) {
  if (!Array.isArray(records)) {
    throw wrongArgument("records", "an array of records, each a Uint8Array, a string or an array of these", records);
  }
  // Array.from, unlike map, does not pass over holes.
  const strings = Array.from(records, (record, i) =>
    Array.from(Array.isArray(record) ? record : [record], (string) => octets(string, `records[${i}]`)),
  );
  const total = strings.reduce((sum, record) => record.reduce((sum, string) => sum + 4 + string.length, sum + 4), 0);
  if (total > MAX_OCTETS) throw new MtaStsError("argument", `records have more than ${MAX_OCTETS} octets`);
  return written(strings, new Uint8Array(total));
}

function written(strings, into) {
  const view = new DataView(into.buffer);
  let at = 0;
  const number = (value) => {
    view.setUint32(at, value, true);
    at += 4;
  };
  for (const record of strings) {
    number(record.length);
    for (const string of record) {
      number(string.length);
      into.set(string, at);
      at += string.length;
    }
  }
  return into;
}
