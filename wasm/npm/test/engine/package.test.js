import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("../..", import.meta.url));
const manifest = JSON.parse(readFileSync(`${here}package.json`, "utf8"));

test("the package holds what pack-list.txt says, and no more", () => {
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: here,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  const files = packed.files.map(({ path }) => path).sort();
  const listed = readFileSync(`${here}test/pack-list.txt`, "utf8").trim().split("\n");
  assert.deepEqual(files, listed, "if it is meant to change, change test/pack-list.txt");
});

test("every file that package.json names is there", () => {
  const named = (exports) => (typeof exports === "string" ? [exports] : Object.values(exports).flatMap(named));
  for (const path of [...named(manifest.exports), manifest.main, manifest.module, ...manifest.sideEffects]) {
    const folder = `${here}${path.replace(/[^/]*$/, "")}`;
    const [name, ending] = path.slice(path.lastIndexOf("/") + 1).split("*");
    assert.ok(
      readdirSync(folder).some((file) => (ending === undefined ? file === name : file.endsWith(ending))),
      path,
    );
  }
});

test("no entry awaits at its top level", () => {
  for (const file of readdirSync(`${here}src`, { recursive: true }).filter((file) => file.endsWith(".js"))) {
    const text = readFileSync(`${here}src/${file}`, "utf8");
    assert.doesNotMatch(text, /^(await|for await|(export )?(const|let) .*= await)\b/m, file);
  }
});

for (const project of ["tsconfig.json", "tsconfig.plain.json"]) {
  test(`the types hold: ${project}`, () => {
    const tsc = `${here}node_modules/typescript/bin/tsc`;
    execFileSync(process.execPath, [tsc, "-p", `${here}test/types/${project}`], { stdio: "pipe", encoding: "utf8" });
  });
}
