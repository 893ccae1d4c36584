import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const src = fileURLToPath(new URL("../../src/", import.meta.url));
const bundled = async (file, external = []) => {
  const options = {
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    external,
  };
  const { outputFiles } = await build({ entryPoints: [src + file], ...options });
  return outputFiles[0].contents;
};

const CODEC = "@dnsquery/dns-packet";
const entries = ["transports", "stores"].flatMap((folder) =>
  readdirSync(src + folder).map((file) => `${folder}/${file}`),
);
for (const entry of entries.filter((file) => file.endsWith(".js") && file !== "transports/node.js")) {
  test(`${entry} needs nothing of Node, and less than 3 KB`, async () => {
    const size = gzipSync(await bundled(entry, [CODEC])).length;
    assert.ok(size < 3072, `${size} octets gzipped`);
  });
}

test("the driver and the codec of DNS over HTTPS need nothing of Node", async () => {
  const sizes = [
    gzipSync(await bundled("driver/index.js")).length,
    gzipSync(await bundled("transports/doh.js")).length,
  ];
  assert.ok(sizes[0] < 6144 && sizes[1] < 20_480, `${sizes} octets gzipped`);
});

test("nothing but transports/node names a module of Node, Buffer, or awaits at the top", () => {
  const files = readdirSync(`${src}driver`, { withFileTypes: true })
    .filter((file) => file.isFile())
    .map(({ name }) => `driver/${name}`);
  for (const file of [...files, ...entries]) {
    if (file === "transports/node.js") continue;
    const text = readFileSync(src + file, "utf8");
    assert.doesNotMatch(text, /from "node:|import\("node:|\bBuffer\b(?!\.)|require\(/, file);
    assert.doesNotMatch(text, /^await /m, file);
  }
});
