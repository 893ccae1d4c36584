// A page with the slim build.
import * as mtaSts from "mta-sts/slim";
import wasm from "mta-sts/mta_sts_slim_bg.wasm";
import { exercise } from "./exercise.mjs";

async function main() {
  await mtaSts.init(fetch(new URL(wasm, import.meta.url)));
  exercise(mtaSts);
  return "parse, record, match, Lookup, errors";
}
main().then(
  (did) => (globalThis.told = { did }),
  (error) => (globalThis.told = { failed: String(error) }),
);
