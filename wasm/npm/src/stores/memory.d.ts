import type { Store } from "../../driver.js";

/** In memory: at most `max` domains (default: 1000), the longest unused one leaves first. */
export default function memory(options?: { max?: number }): Store & { readonly size: number };
