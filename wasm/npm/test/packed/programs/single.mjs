// One file for servers, the .wasm in it.
import * as mtaSts from "mta-sts/slim";
import wasm from "mta-sts/mta_sts_slim_bg.wasm";
import { exercise } from "./exercise.mjs";

mtaSts.initSync(wasm);
exercise(mtaSts);
console.log("parse, record, match, Lookup, errors");
