// One function for each target: it installs the package into a project of its own, uses it there, and says what it did.
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { binary, filesOf, inTools, openPage, packageFolder, project, run, serveFiles, start, temp, tool, versionOf } from "./kit.mjs";

const node = process.execPath;
const HTML = (script) => `<!doctype html><title>mta-sts</title><script type="module" src="${script}"></script>`;
const last = (output) => output.trim().split("\n").at(-1);

/** Each with its version, and what it did; `with` holds the tarball, the lab and the browser. */
export const targets = {
  async "pack list"({ tarball }) {
    const listed = readFileSync(join(packageFolder, "test/pack-list.txt"), "utf8").trim().split("\n").sort();
    const packed = filesOf(tarball);
    const [more, less] = [packed.filter((file) => !listed.includes(file)), listed.filter((file) => !packed.includes(file))];
    const differ = [...more.map((file) => `+${file}`), ...less.map((file) => `-${file}`)];
    if (differ.length > 0) throw new Error(`the tarball is not as test/pack-list.txt says: ${differ.join(" ")}`);
    return [`${packed.length} files as listed`, "npm"];
  },

  async "no top-level await"({ tarball }) {
    const { transform } = await tool("esbuild");
    const cwd = project("await", tarball, {});
    const files = filesOf(tarball).filter((file) => /\.c?js$/.test(file));
    for (const file of files) {
      const code = readFileSync(join(cwd, "node_modules/mta-sts", file), "utf8");
      await transform(code, { supported: { "top-level-await": false }, logLevel: "silent" }).catch(({ message }) => {
        throw new Error(`${file}: ${message}`);
      });
    }
    return [`in ${files.length} files`, versionOf("esbuild")];
  },

  async "Node, import"({ tarball, lab }) {
    const cwd = project("node-import", tarball, { "server.mjs": null, "lab.json": JSON.stringify(lab) });
    return [last(await run(node, ["--no-warnings", "server.mjs"], cwd)), process.version];
  },

  async "Node, require"({ tarball }) {
    const cwd = project("node-require", tarball, { "require.cjs": null });
    return [last(await run(node, ["require.cjs"], cwd)), process.version];
  },

  async TypeScript({ tarball }) {
    const cwd = project("typescript", tarball, { "usage.mts": null, "usage.cts": null });
    const common = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, typeRoots: [inTools("@types")], outDir: "out" };
    const ways = {
      node16: { module: "node16", target: "es2022", lib: ["es2022"], types: ["node"] },
      nodenext: { module: "nodenext", target: "es2022", lib: ["es2022"], types: ["node"] },
      "bundler, for a page": { module: "preserve", moduleResolution: "bundler", target: "es2022", lib: ["es2022", "dom", "dom.iterable"], types: [] },
    };
    for (const [way, options] of Object.entries(ways)) {
      const files = way.startsWith("node") ? ["usage.mts", "usage.cts"] : ["usage.mts"];
      writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions: { ...common, ...options }, files }));
      await run(node, [inTools("typescript/bin/tsc"), "-p", "."], cwd).catch(({ message }) => {
        throw new Error(`${way}: ${message}`);
      });
      if (way !== "nodenext") continue;
      const [esm, cjs] = [await run(node, ["out/usage.mjs"], cwd), await run(node, ["out/usage.cjs"], cwd)];
      if (esm.trim() !== "typed: domain, testing, true, object function" || !cjs.startsWith("typed: ")) throw new Error(`it printed ${esm}${cjs}`);
    }
    return [`--strict: ${Object.keys(ways).join("; ")}; what it emits runs`, versionOf("typescript")];
  },

  async "esbuild, browser"({ tarball, browser }) {
    const { build } = await tool("esbuild");
    const cwd = project("esbuild", tarball, { "page-esbuild.mjs": null, "driver.mjs": null, "page-slim.mjs": null });
    const options = { absWorkingDir: cwd, bundle: true, format: "esm", minify: true, metafile: true, loader: { ".wasm": "file" }, logLevel: "silent" };
    const did = [];
    for (const page of ["page-esbuild", "page-slim"]) {
      const { metafile, warnings } = await build({ ...options, entryPoints: [`${page}.mjs`], outdir: `dist-${page}` });
      if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join("; "));
      const outside = Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external }) => external));
      if (outside.length > 0) throw new Error(`it imports ${outside.map(({ path }) => path).join(", ")}`);
      const dist = join(cwd, `dist-${page}`);
      nothingOfNode(dist);
      writeFileSync(join(dist, "index.html"), HTML(`/${page}.js`));
      did.push(await load(browser, await serveFiles(dist)));
    }
    return [`${did[0]}; slim: ${did[1]}; in Chromium`, versionOf("esbuild")];
  },

  async "esbuild, Node"({ tarball }) {
    const { build } = await tool("esbuild");
    const cwd = project("esbuild-node", tarball, { "offline.mjs": null, "require.cjs": null, "single.mjs": null });
    const options = { absWorkingDir: cwd, bundle: true, platform: "node", target: "node18", logLevel: "silent" };
    const wasm = join(cwd, "node_modules/mta-sts/wasm/mta_sts_bg.wasm");
    mkdirSync(join(cwd, "wasm"));
    copyFileSync(wasm, join(cwd, "wasm/mta_sts_bg.wasm"));
    await build({ ...options, entryPoints: ["offline.mjs"], format: "esm", outfile: "dist/with-wasm.mjs" });
    await build({ ...options, entryPoints: ["offline.mjs"], format: "esm", outfile: "dist/external.mjs", packages: "external" });
    await build({ ...options, entryPoints: ["single.mjs"], format: "esm", outfile: "single/out.mjs", loader: { ".wasm": "binary" } });
    await build({ ...options, entryPoints: ["single.mjs"], format: "cjs", outfile: "single/out.cjs", loader: { ".wasm": "binary" } });
    await run(node, ["dist/with-wasm.mjs"], cwd);
    const did = last(await run(node, ["dist/external.mjs"], cwd));
    for (const file of ["out.mjs", "out.cjs"]) await run(node, [file], join(cwd, "single"));
    return [`${did}; with the .wasm beside it, external, and slim in one file`, versionOf("esbuild")];
  },

  async "Vite, build"({ tarball, browser }) {
    const { build, preview } = await tool("vite");
    const cwd = project("vite", tarball, { "page.mjs": null, "driver.mjs": null, "index.html": HTML("/page.mjs") });
    const options = { root: cwd, configFile: false, logLevel: "error", cacheDir: join(cwd, ".vite") };
    await build(options);
    nothingOfNode(join(cwd, "dist"));
    const server = await preview({ ...options, preview: { host: "127.0.0.1", port: 0 } });
    const did = await load(browser, originOf(server.httpServer)).finally(() => server.close());
    return [`${did}; its preview, in Chromium`, versionOf("vite")];
  },

  async "Vite, dev server"({ tarball, browser }) {
    const vite = await tool("vite");
    const cwd = project("vite-dev", tarball, { "page.mjs": null, "driver.mjs": null, "index.html": HTML("/page.mjs") });
    const options = { root: cwd, configFile: false, logLevel: "error", cacheDir: join(cwd, ".vite") };
    const server = await vite.createServer({ ...options, server: { host: "127.0.0.1", port: await freePort(), strictPort: true } });
    await server.listen();
    const did = await load(browser, originOf(server.httpServer)).finally(() => server.close());
    return [`${did}; in Chromium`, versionOf("vite")];
  },

  async webpack({ tarball, browser }) {
    const { default: webpack } = await tool("webpack");
    const cwd = project("webpack", tarball, { "page.mjs": null, "driver.mjs": null });
    const dist = join(cwd, "dist");
    const options = { context: cwd, entry: "./page.mjs", mode: "production", output: { path: dist } };
    await new Promise((resolve, reject) => {
      webpack(options, (error, stats) => {
        const { errors = [], warnings = [] } = stats?.toJson({ errors: true, warnings: true }) ?? {};
        const wrong = [...errors, ...warnings].map(({ message }) => message);
        if (error || wrong.length > 0) reject(error ?? new Error(wrong.join("; ")));
        else resolve();
      });
    });
    nothingOfNode(dist);
    writeFileSync(join(dist, "index.html"), HTML("/main.js"));
    return [`${await load(browser, await serveFiles(dist))}; in Chromium`, versionOf("webpack")];
  },

  async "no bundler"({ tarball, browser }) {
    const cwd = project("plain", tarball, { "page.mjs": null, "driver.mjs": null });
    const inPackage = (path) => `/node_modules/mta-sts/src/${path}`;
    const folders = Object.fromEntries(["stores", "transports"].flatMap((folder) => readdirSync(join(cwd, inPackage(folder))).map((file) => [`mta-sts/${folder}/${file.replace(".js", "")}`, inPackage(`${folder}/${file}`)])));
    const codec = Object.fromEntries(["@dnsquery/dns-packet", "@leichtgewicht/ip-codec", "utf8-codec"].map((name) => [name, `/node_modules/${name}/index.mjs`]));
    const files = { "@dnsquery/dns-packet/": "/node_modules/@dnsquery/dns-packet/" };
    const map = JSON.stringify({ imports: { "mta-sts": inPackage("index.js"), ...folders, ...codec, ...files } });
    writeFileSync(join(cwd, "index.html"), `<!doctype html><script type="importmap">${map}</script>${HTML("/page.mjs")}`);
    return [`${await load(browser, await serveFiles(cwd))}; in Chromium`, browser.version()];
  },

  async "bundle sizes"({ tarball }) {
    const sizes = await bundleSizes(project("sizes", tarball, {}));
    console.log("bundles in octets, gzipped, without the .wasm:");
    for (const [what, size] of Object.entries(sizes)) {
      console.log(`  ${what.padEnd(28)}${Object.entries(size).map(([name, n]) => `${name} ${String(n).padStart(6)}`).join("   ")}`);
    }
    const [all, slim, nothing] = [sizes["all of mta-sts"], sizes["all of mta-sts/slim"], sizes["import for nothing"]];
    for (const [bundler, size] of Object.entries(slim)) {
      if (!(size < all[bundler])) throw new Error(`${bundler}: slim is ${size} octets, all is ${all[bundler]}`);
      if (!(nothing[bundler] < 100)) throw new Error(`${bundler}: what is imported for nothing is ${nothing[bundler]} octets`);
      const parse = sizes["parsePolicy of mta-sts"][bundler];
      if (!(parse < all[bundler] - 2000)) throw new Error(`${bundler}: the driver is in a bundle that does not use it: ${parse} octets of ${all[bundler]}`);
    }
    return ["slim is less than all, what is not used is not in, nothing for nothing; esbuild, Rollup, webpack", versionOf("rollup")];
  },

  async Deno({ tarball, lab }) {
    const deno = binary("@deno", "", "deno");
    const cwd = project("deno", tarball, { "server.mjs": null, "offline.mjs": null, "require.cjs": null, "lab.json": JSON.stringify(lab) });
    const env = { DENO_DIR: join(temp, "deno-dir"), DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
    const deny = ["run", "--quiet", "--no-prompt", "--no-remote", "--node-modules-dir=manual"];
    await run(deno, [...deny, "offline.mjs"], cwd, env);
    await run(deno, [...deny, "--allow-read", "require.cjs"], cwd, env);
    const did = last(await run(deno, [...deny, "--allow-net=127.0.0.1,localhost", "--allow-env", "--allow-sys", "--allow-read", "server.mjs"], cwd, env));
    return [`${did}; alone without a permission; require`, versionOf("deno")];
  },

  async Bun({ tarball, lab }) {
    const bun = binary("@oven", "bun-", "bin/bun");
    const cwd = project("bun", tarball, { "server.mjs": null, "offline.mjs": null, "require.cjs": null, "lab.json": JSON.stringify(lab) });
    await run(bun, ["require.cjs"], cwd);
    return [`${last(await run(bun, ["server.mjs"], cwd))}; require`, versionOf("bun")];
  },

  async workerd({ tarball, lab }) {
    const { build } = await tool("esbuild");
    const cwd = project("workerd", tarball, { "worker.mjs": null });
    await build({
      absWorkingDir: cwd,
      entryPoints: ["worker.mjs"],
      outdir: "dist",
      bundle: true,
      format: "esm",
      conditions: ["workerd", "worker", "browser"],
      loader: { ".wasm": "copy" },
      logLevel: "silent",
    });
    writeFileSync(join(cwd, "dist/config.capnp"), workerConfig(readdirSync(join(cwd, "dist")), lab));
    const args = ["serve", "config.capnp", "--control-fd=1"];
    const port = (text) => /"event":"listen","socket":"http","port":(\d+)/.exec(text)?.[1];
    const { found, stop } = await start(binary("@cloudflare", "workerd-", "bin/workerd"), args, { cwd: join(cwd, "dist") }, port);
    const { did, failed, agent } = await (await fetch(`http://127.0.0.1:${found}/`)).json();
    await stop();
    if (failed) throw new Error(failed);
    return [`${did}; ${agent}`, versionOf("workerd")];
  },
};

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

const originOf = (server) => `http://127.0.0.1:${server.address().port}`;

/** Loads the page, which must do its work without a complaint. */
async function load(browser, origin) {
  const context = await browser.newContext();
  const { page, complaints } = await openPage(context);
  // Browsers ask for an icon by themselves.
  await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
  try {
    await page.goto(`${origin}/`);
    const told = await page.waitForFunction(() => globalThis.told, undefined, { timeout: 20_000 }).catch(() => {});
    const { did, failed = "the page told nothing" } = (await told?.jsonValue()) ?? {};
    if (!did) complaints.unshift(failed);
    if (complaints.length > 0) throw new Error(complaints.join("; "));
    return did;
  } finally {
    await context.close();
  }
}

function nothingOfNode(dist) {
  const scripts = readdirSync(dist, { recursive: true }).filter((file) => /\.m?js$/.test(file));
  if (scripts.length === 0) throw new Error("the bundle has no script");
  for (const file of scripts) {
    const [found] = /["'`]node:\w+|\brequire\(|\bprocess\.binding|\bBuffer\.from/.exec(readFileSync(join(dist, file), "utf8")) ?? [];
    if (found) throw new Error(`${file} holds ${found}`);
  }
}

/** What an import costs, by esbuild, Rollup and webpack. */
async function bundleSizes(cwd) {
  const imports = {
    "all of mta-sts": 'import * as all from "mta-sts"; globalThis.it = all;',
    "parsePolicy of mta-sts": 'import { init, parsePolicy } from "mta-sts"; globalThis.it = [init, parsePolicy];',
    "all of mta-sts/slim": 'import * as all from "mta-sts/slim"; globalThis.it = all;',
    "doh and fetch": 'import doh from "mta-sts/transports/doh"; import policyFetch from "mta-sts/transports/fetch"; globalThis.it = [doh, policyFetch];',
    "import for nothing": 'import { parsePolicy } from "mta-sts"; import doh from "mta-sts/transports/doh"; import "mta-sts/slim"; globalThis.it = 1;',
  };
  const sizes = {};
  for (const [what, code] of Object.entries(imports)) {
    writeFileSync(join(cwd, "entry.js"), code);
    const bundles = { esbuild: await byEsbuild(cwd), rollup: await byRollup(cwd), webpack: await byWebpack(cwd) };
    sizes[what] = Object.fromEntries(Object.entries(bundles).map(([name, code]) => [name, gzipSync(code).length]));
  }
  return sizes;
}

async function byEsbuild(cwd) {
  const { build } = await tool("esbuild");
  const options = { bundle: true, minify: true, format: "esm", write: false, logLevel: "silent" };
  const { outputFiles } = await build({ absWorkingDir: cwd, entryPoints: ["entry.js"], ...options });
  return outputFiles[0].text;
}

async function byRollup(cwd) {
  const [{ rollup }, { nodeResolve }, { transform }] = await Promise.all(["rollup", "@rollup/plugin-node-resolve", "esbuild"].map(tool));
  const warnings = [];
  const bundle = await rollup({ input: join(cwd, "entry.js"), plugins: [nodeResolve({ browser: true })], onwarn: ({ message }) => warnings.push(message) });
  const { output } = await bundle.generate({ format: "es" });
  await bundle.close();
  const serious = warnings.filter((message) => !/empty chunk/.test(message));
  if (serious.length > 0) throw new Error(`Rollup: ${serious.join("; ")}`);
  return (await transform(output[0].code, { minify: true })).code;
}

async function byWebpack(cwd) {
  const { default: webpack } = await tool("webpack");
  const path = join(cwd, "webpack");
  const options = { context: cwd, entry: "./entry.js", mode: "production", output: { path } };
  await new Promise((resolve, reject) => webpack(options, (error, stats) => (error || stats.hasErrors() ? reject(error ?? new Error(stats.toString())) : resolve())));
  return readFileSync(join(path, "main.js"), "utf8");
}

function workerConfig(files, lab) {
  const module = (file) => `(name = "./${file}", ${file.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${file}")`;
  // The main module comes first.
  const modules = files.sort((a, b) => b.startsWith("worker.") - a.startsWith("worker.")).map(module);
  const domains = lab.domains.map(({ domain }) => domain);
  const policyHost = (domain) =>
    `(name = "${domain}", external = (address = "127.0.0.1:${lab.https_port}", https = (tlsOptions = (trustedCertificates = [${JSON.stringify(lab.ca_pem)}]), certificateHost = "mta-sts.${domain}")))`;
  const services = [
    '(name = "main", worker = .worker)',
    `(name = "doh", external = (address = "${new URL(lab.doh).host}", http = ()))`,
    ...domains.map(policyHost),
  ];
  const bindings = [
    '(name = "DOH", service = "doh")',
    `(name = "LAB", json = ${JSON.stringify(JSON.stringify({ domains: lab.domains }))})`,
    ...domains.map((domain) => `(name = "${domain}", service = "${domain}")`),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${services.join(",\n    ")}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
const worker :Workerd.Worker = (
  modules = [${modules.join(", ")}],
  bindings = [${bindings.join(",\n    ")}],
  compatibilityDate = "2026-01-01"
);
`;
}
