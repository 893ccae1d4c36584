// npm run build: the WASM with its glue, then the CommonJS entry. `--js` does the second half only.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL("..", import.meta.url));
const root = fileURLToPath(new URL("../../..", import.meta.url));

if (!process.argv.includes("--js")) {
  execFileSync("cargo", ["run", "--release", "--locked", "-p", "mta-sts-wasm-build"], { cwd: root, stdio: "inherit" });
}

mkdirSync(`${here}dist`, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: ["src/node.js"],
  outfile: "dist/node.cjs",
  bundle: true,
  format: "cjs",
  platform: "node",
  target: "node18",
  packages: "external",
  // dist/ and src/ lie side by side, so that the way to the .wasm is the same from both.
  define: { "import.meta.url": "import_meta_url" },
  banner: { js: 'const import_meta_url = require("node:url").pathToFileURL(__filename).href;' },
});

// TypeScript takes the types of a `require` from a .d.cts only.
for (const name of ["index", "engine", "driver"]) {
  const types = readFileSync(`${here}${name}.d.ts`, "utf8");
  writeFileSync(`${here}dist/${name}.d.cts`, types.replaceAll(/"(\.\/\w+)\.js"/g, '"$1.cjs"'));
}

// npm packs the licences that lie beside package.json.
for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) copyFileSync(`${root}${licence}`, `${here}${licence}`);
