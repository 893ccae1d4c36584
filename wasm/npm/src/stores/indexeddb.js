const ENTRIES = "entries";

/** A store in IndexedDB. `close` ends its connection; the next use opens another. */
export default function indexedDb({ name = "mta-sts", factory } = {}) {
  let opening;
  const forget = () => (opening = undefined);
  const failed = (error) => {
    forget();
    throw error;
  };
  const database = () => (opening ??= open(factory ?? globalThis.indexedDB, name, forget).catch(failed));
  return {
    async get(domain) {
      const transaction = (await database()).transaction(ENTRIES, "readonly");
      const request = transaction.objectStore(ENTRIES).get(domain);
      await ended(transaction);
      return request.result ?? null;
    },
    async update(domain, change) {
      // One transaction: other tabs wait until what was read has been replaced.
      const transaction = (await database()).transaction(ENTRIES, "readwrite");
      const entries = transaction.objectStore(ENTRIES);
      const done = ended(transaction);
      const request = entries.get(domain);
      request.onsuccess = () => {
        try {
          const entry = change(request.result ?? null) ?? null;
          if (entry === null) entries.delete(domain);
          else entries.put(entry, domain);
        } catch (error) {
          done.fail(error);
          transaction.abort();
        }
      };
      await done;
    },
    async close() {
      const closing = opening;
      opening = undefined;
      (await closing)?.close();
    },
  };
}

function open(factory, name, onGone) {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(ENTRIES);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another page holds an older database open"));
    request.onsuccess = () => {
      const database = request.result;
      // Another tab wants to delete or upgrade it; or the browser has dropped it.
      database.onversionchange = () => {
        onGone();
        database.close();
      };
      database.onclose = onGone;
      resolve(database);
    };
  });
}

function ended(transaction) {
  let fail;
  const done = new Promise((resolve, reject) => {
    fail = reject;
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
    transaction.onerror = () => reject(transaction.error);
  });
  // Whoever waits is told; nobody waits when what follows throws.
  done.catch(() => {});
  return Object.assign(done, { fail });
}
