// Workers may not compile octets, so the module comes in compiled.
import module from "../wasm/mta_sts_bg.wasm?module";
import { initSync } from "./full.js";

export * from "./full.js";

initSync(module);

/** There is nothing left to wait for. */
export async function init() {}
