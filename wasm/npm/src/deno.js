// The module itself, compiled: read by Deno as it reads code, so that the program needs no permission to.
import source module from "../wasm/mta_sts_bg.wasm";
import { initSync } from "./full.js";

export * from "./full.js";

initSync(module);

/** There is nothing left to wait for. */
export async function init() {}
