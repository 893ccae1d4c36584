import { within } from "./abort.js";
import { isBytes, messageOf } from "./observation.js";
import { unknown } from "./unknown.js";

/** Reads the entry. A store that fails, is slow or holds nonsense is an unreadable cache, not an empty one. */
export async function readEntry(run, { inspectEntry }, domain) {
  if (!run.store) return { entry: null };
  try {
    const entry = (await within(run.signals, run.timeouts.store, () => run.store.get(domain))) ?? null;
    if (entry === null) return { entry };
    if (!isBytes(entry)) return unreadable("entry", "the store gave no octets");
    const { ok, error } = inspectEntry(entry, domain, run.now());
    return ok ? { entry } : unreadable("entry", error.message);
  } catch (error) {
    run.throwIfAborted();
    return unreadable("store-read", messageOf(error));
  }
}

const unreadable = (reason, message) => ({
  entry: null,
  unknown: unknown("cache", reason, `the cache is unreadable: ${message}`),
});

/**
 * Writes what the lookup concluded onto what the store holds by now, which may be newer than what
 * was read: another tab or machine may have been faster.
 */
export async function writeEntry(run, lookup, domain, before) {
  const apply = (current) => lookup.apply(current ?? null, run.now()) ?? null;
  if (!run.store) return { entry: apply(before) };
  let entry;
  const change = (current) => (entry = apply(isBytes(current) ? current : null));
  try {
    // Its time is apart from the budget: what was learnt late is kept all the same.
    await within(run.signals, run.timeouts.store, (signal) =>
      // After a time-out the machine is gone; a store that comes too late keeps what it has.
      run.store.update(domain, (current) => (signal.aborted ? current : change(current))),
    );
    if (entry === undefined) throw new Error("the store asked for no change");
    return { entry };
  } catch (error) {
    run.throwIfAborted();
    const message = `the cache could not be written: ${messageOf(error)}`;
    return { entry: entry === undefined ? apply(before) : entry, unknown: unknown("cache", "store-write", message) };
  }
}
