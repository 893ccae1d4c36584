// Stands in for Node's files and Buffer in the page, so that test/vectors.mjs runs there as it is.

/** The vectors, by their path in their folder. */
export const files = new Map();

export function readFileSync({ pathname }) {
  const file = pathname.replace(/^.*\/tests\/vectors\//, "");
  if (!files.has(file)) throw new Error(`${file} was not loaded`);
  return Buffer.from(files.get(file));
}

export class Buffer extends Uint8Array {
  static from(value, encoding) {
    if (encoding === "base64") return new Buffer([...atob(value)].map((char) => char.charCodeAt(0)));
    return new Buffer(typeof value === "string" ? new TextEncoder().encode(value) : value);
  }

  toString() {
    return new TextDecoder().decode(this);
  }
}
