import { fromBase64, toBase64 } from "../driver/base64.js";

/** A store in `localStorage` or anything like it. */
export default function webStorage({ storage, prefix = "mta-sts:" } = {}) {
  // Looked up late: where a page may store nothing, to touch it throws.
  const where = () => storage ?? globalThis.localStorage;
  const key = (domain) => prefix + domain;
  const read = (domain) => {
    const text = where().getItem(key(domain));
    return text === null ? null : fromBase64(text);
  };
  return {
    get: async (domain) => read(domain),
    // It reads and writes within one turn: another lookup of this page cannot come between.
    async update(domain, change) {
      const entry = change(readOr(read, domain)) ?? null;
      if (entry === null) where().removeItem(key(domain));
      else where().setItem(key(domain), toBase64(entry));
    },
  };
}

/** A text that is no base64 is worth no more than nothing when it is about to be replaced. */
function readOr(read, domain) {
  try {
    return read(domain);
  } catch (error) {
    if (error?.name === "InvalidCharacterError") return null;
    throw error;
  }
}
