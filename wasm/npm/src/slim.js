import * as glue from "../wasm/mta_sts_slim.js";
import { createEngine } from "./engine.js";
import { MtaStsError } from "./errors.js";

const engine = createEngine(glue);

export const { checkDomain, initSync, Lookup, matchMx, parsePolicies, parsePolicy, parseTxt, preparePolicy, version } =
  engine;
export { MtaStsError };

export const init = engine.initWith(() => {
  throw new MtaStsError(
    "argument",
    "init of mta-sts/slim needs mta-sts/mta_sts_slim_bg.wasm: its URL, octets or module",
  );
});
