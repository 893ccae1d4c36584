// For Vite and webpack, which find the .wasm by themselves.
import * as mtaSts from "mta-sts";
import { exerciseDriver } from "./driver.mjs";
import { exerciseAll } from "./exercise.mjs";

const { init, parsePolicy } = mtaSts;
try {
  let early;
  try {
    parsePolicy("");
  } catch ({ code }) {
    early = code;
  }
  if (early !== "not-initialised") throw new Error(`before init: ${early}`);
  await Promise.all([init(), init()]);
  globalThis.told = { did: `${exerciseAll(mtaSts)}, ${await exerciseDriver(mtaSts)}` };
} catch (error) {
  globalThis.told = { failed: String(error) };
}
