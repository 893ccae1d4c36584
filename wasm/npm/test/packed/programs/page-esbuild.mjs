// For esbuild, which has to be told where the .wasm is.
import * as mtaSts from "mta-sts";
import wasm from "mta-sts/mta_sts_bg.wasm";
import { exerciseDriver } from "./driver.mjs";
import { exerciseAll } from "./exercise.mjs";

async function main() {
  await mtaSts.init(new URL(wasm, import.meta.url));
  return `${exerciseAll(mtaSts)}, ${await exerciseDriver(mtaSts)}`;
}
main().then(
  (did) => (globalThis.told = { did }),
  (error) => (globalThis.told = { failed: String(error) }),
);
