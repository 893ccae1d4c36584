import { readFileSync } from "node:fs";
import { initSync } from "./full.js";

export * from "./full.js";

// Read and not fetched: fetch takes no file: URL here.
initSync(readFileSync(new URL("../wasm/mta_sts_bg.wasm", import.meta.url)));

/** There is nothing left to wait for. */
export async function init() {}
