import { engine } from "./full-engine.js";

export * from "./full.js";

// Bundlers know this form, and only as a literal.
export const init = engine.initWith(() => new URL("../wasm/mta_sts_bg.wasm", import.meta.url));
