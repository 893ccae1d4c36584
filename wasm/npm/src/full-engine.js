import * as glue from "../wasm/mta_sts.js";
import { createEngine } from "./engine.js";

export const engine = createEngine(glue);
