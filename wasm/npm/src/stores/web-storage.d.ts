import type { Store } from "../../driver.js";

/** What `localStorage` and `sessionStorage` can do. */
export interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** In `localStorage` or another storage, under `prefix` (default: `mta-sts:`) and the domain. */
export default function webStorage(options?: { storage?: StorageLike; prefix?: string }): Store;
