import assert from "node:assert/strict";
import { test } from "node:test";
import { inspectEntry, resolve } from "../../src/node.js";
import indexedDb from "../../src/stores/indexeddb.js";
import memory from "../../src/stores/memory.js";
import webStorage from "../../src/stores/web-storage.js";
import { DOMAIN, NOW, POLICY, RECORD, absent, failed, good, octets, records, response, stub } from "./fixtures.js";
import { IDBFactory } from "fake-indexeddb";

const lookup = (store, transports = good(), now = NOW) => resolve(DOMAIN, { transports, store, now });

/** As browsers have it, with a quota. */
function storage(quota = Infinity) {
  const items = new Map();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    removeItem: (key) => items.delete(key),
    setItem(key, value) {
      if (value.length > quota) throw new DOMException("full", "QuotaExceededError");
      items.set(key, value);
    },
  };
}

const stores = {
  memory: () => memory(),
  webStorage: () => webStorage({ storage: storage() }),
  indexedDb: () => indexedDb({ factory: new IDBFactory() }),
};

for (const [name, make] of Object.entries(stores)) {
  test(`${name} keeps an entry and gives it back`, async () => {
    const store = make();
    assert.equal(await store.get(DOMAIN), null);
    const { entry } = await lookup(store);
    assert.deepEqual(await store.get(DOMAIN), entry);
    assert.equal((await lookup(store, [], NOW + 10)).decision, "enforce");
    await store.update(DOMAIN, () => null);
    assert.equal(await store.get(DOMAIN), null);
    await store.close?.();
  });

  test(`${name} passes on what a change throws, and keeps what it has`, async () => {
    const store = make();
    await lookup(store);
    const before = await store.get(DOMAIN);
    await assert.rejects(
      store.update(DOMAIN, () => {
        throw new Error("no");
      }),
      /no/,
    );
    assert.deepEqual(await store.get(DOMAIN), before);
    await store.close?.();
  });

  test(`${name}: a slow failure does not overwrite what was fetched meanwhile`, async () => {
    const store = make();
    // Its fetch fails only after another lookup has stored a policy.
    const slow = stub("https", async () => {
      await lookup(store);
      return failed("connect");
    });
    const { entry } = await lookup(store, [stub("dns", records("v=STSv1; id=2;")), slow]);
    const held = inspectEntry(await store.get(DOMAIN), DOMAIN, NOW);
    assert.equal(held.id, "1");
    assert.equal(held.live, true);
    assert.deepEqual(await store.get(DOMAIN), entry);
    await store.close?.();
  });
}

test("the memory store drops the domain that was not used longest", async () => {
  const store = memory({ max: 2 });
  const put = (domain) => store.update(domain, () => octets(domain));
  await put("a.example");
  await put("b.example");
  await store.get("a.example");
  await put("c.example");
  assert.equal(store.size, 2);
  assert.equal(await store.get("b.example"), null);
  assert.ok(await store.get("a.example"));
});

test("entries of the memory store cannot be changed from outside", async () => {
  const store = memory();
  await lookup(store);
  (await store.get(DOMAIN)).fill(0);
  assert.equal((await lookup(store, [], NOW + 10)).decision, "enforce");
});

const broken = {
  "that throws": {
    get() {
      throw new Error("gone");
    },
    update() {
      throw new Error("gone");
    },
  },
  "that rejects": { get: () => Promise.reject(new Error("gone")), update: () => Promise.reject(new Error("gone")) },
  "that hangs": { get: () => new Promise(() => {}), update: () => new Promise(() => {}) },
  "that gives nonsense": { get: async () => "text", update: async () => {} },
  "that holds nonsense": { get: async () => octets("nonsense"), update: async () => {} },
};
for (const [what, store] of Object.entries(broken)) {
  test(`a store ${what} is an unreadable cache, not an empty one`, async () => {
    const timeouts = { store: 20 };
    const result = await resolve(DOMAIN, { transports: good(), store, timeouts, now: NOW });
    assert.equal(result.decision, "enforce");
    assert.ok(result.entry);
    assert.equal(result.unknown[0].what, "cache");
    // What it holds may be a live policy.
    const nothing = await resolve(DOMAIN, { transports: [stub("dns", absent)], store, timeouts, now: NOW });
    assert.equal(nothing.decision, "unknown");
  });
}

test("a full localStorage loses no lookup", async () => {
  const result = await lookup(webStorage({ storage: storage(10) }));
  assert.equal(result.decision, "enforce");
  assert.deepEqual(
    result.unknown.map(({ reason }) => reason),
    ["store-write"],
  );
});

test("where there is no localStorage and no IndexedDB the lookup goes on", async () => {
  for (const store of [webStorage(), indexedDb()]) {
    const result = await lookup(store);
    assert.equal(result.decision, "enforce");
    assert.deepEqual(
      result.unknown.map(({ reason }) => reason),
      ["store-read", "store-write"],
    );
  }
});

test("a damaged item is unreadable, and is replaced by what is learnt next", async () => {
  const items = storage();
  items.setItem(`mta-sts:${DOMAIN}`, "%%%");
  const store = webStorage({ storage: items });
  const first = await lookup(store);
  assert.deepEqual(
    first.unknown.map(({ reason }) => reason),
    ["store-read"],
  );
  assert.deepEqual((await lookup(store, [], NOW + 10)).unknown, []);
});

test("a store that comes too late changes nothing", async () => {
  let late;
  const store = {
    get: async () => null,
    update: (domain, change) => new Promise((done) => (late = () => done(change(null)))),
  };
  const transports = [stub("dns", records(RECORD)), stub("https", response(POLICY))];
  await resolve(DOMAIN, { transports, store, timeouts: { store: 20 }, now: NOW });
  late();
});
