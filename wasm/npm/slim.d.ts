// Hand-written.
export * from "./engine.js";

import type { WasmSource } from "./engine.js";

/** Compiles and starts the WASM that is given: `mta-sts/mta_sts_slim_bg.wasm`. Further calls do nothing. */
export function init(source: WasmSource | Promise<WasmSource>): Promise<void>;
