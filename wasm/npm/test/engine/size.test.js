import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { limits, sizesOf } from "../../scripts/sizes.mjs";

for (const [name, limit] of Object.entries(limits)) {
  test(`${name} is within its budget`, () => {
    for (const [form, size] of Object.entries(sizesOf(name))) {
      assert.ok(size <= limit[form], `${name}: ${size} octets ${form}, more than ${limit[form]} (size-limits.json)`);
    }
  });
}

for (const name of ["mta_sts", "mta_sts_slim"]) {
  test(`${name}_bg.wasm imports nothing but its glue`, () => {
    const module = new WebAssembly.Module(readFileSync(new URL(`../../wasm/${name}_bg.wasm`, import.meta.url)));
    const modules = WebAssembly.Module.imports(module).map(({ module }) => module);
    assert.deepEqual([...new Set(modules)], [`./${name}_bg.js`]);
  });
}
