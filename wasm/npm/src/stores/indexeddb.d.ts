import type { Store } from "../../driver.js";

/** In the IndexedDB database `name` (default: `mta-sts`). `factory` stands in for the global `indexedDB`. */
export default function indexedDb(options?: { name?: string; factory?: object }): Store & { close(): Promise<void> };
