/** A store in memory: at most `max` domains, the longest unused one leaves first. */
export default function memory({ max = 1000 } = {}) {
  const entries = new Map();
  const get = (domain) => {
    const entry = entries.get(domain);
    if (entry === undefined) return null;
    // A Map keeps the order in which keys were set.
    entries.delete(domain);
    entries.set(domain, entry);
    return entry.slice();
  };
  return {
    get: async (domain) => get(domain),
    async update(domain, change) {
      const entry = change(get(domain)) ?? null;
      entries.delete(domain);
      if (entry === null) return;
      entries.set(domain, entry.slice());
      if (entries.size > max) entries.delete(entries.keys().next().value);
    },
    get size() {
      return entries.size;
    },
  };
}
