// npm run sizes: what a user downloads, beside the limits of size-limits.json. Fails if one is passed.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const here = fileURLToPath(new URL("..", import.meta.url));
export const limits = JSON.parse(readFileSync(`${here}size-limits.json`, "utf8"));

export function sizesOf(name) {
  const octets = name.startsWith("bundle of ") ? bundled(name.slice("bundle of ".length)) : readFileSync(here + name);
  const brotli = {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: octets.length },
  };
  return {
    raw: octets.length,
    gzip: gzipSync(octets, { level: 9 }).length,
    brotli: brotliCompressSync(octets, brotli).length,
  };
}

/** The entry with all it imports, minified, as a bundler makes it. */
function bundled(entry) {
  const { outputFiles } = buildSync({
    absWorkingDir: here,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
  });
  return outputFiles[0].contents;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log("octets (limit)".padEnd(30), ...["raw", "gzip -9", "brotli 11"].map((title) => title.padStart(18)));
  for (const [name, limit] of Object.entries(limits)) {
    const cells = Object.entries(sizesOf(name)).map(([form, size]) => {
      if (size > limit[form]) process.exitCode = 1;
      return `${size} (${limit[form]})${size > limit[form] ? "!" : ""}`.padStart(18);
    });
    console.log(name.padEnd(30), ...cells);
  }
}
