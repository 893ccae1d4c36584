import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { build } from "esbuild";
import { POLICY, RECORD } from "./fixtures.js";
import { dohServer, httpServer, txt } from "./servers.js";

const browser = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);
const skip = browser ? false : "there is no Chromium";
const src = fileURLToPath(new URL("../../src/", import.meta.url));
const wasm = fileURLToPath(new URL("../../wasm/mta_sts_bg.wasm", import.meta.url));

/** Runs in the page; `setup` holds the URLs of the servers. */
const PAGE = `
import { init, resolve } from "./index.js";
import doh from "./transports/doh.js";
import policyFetch from "./transports/fetch.js";
import indexedDb from "./stores/indexeddb.js";
import webStorage from "./stores/web-storage.js";
const { dns, hosts } = setup;
await init("/mta_sts_bg.wasm");
const told = {};
for (const [name, url] of Object.entries(hosts)) {
  const fetch = (_, init) => globalThis.fetch(url, init);
  const { decision, evidence, unknown, outcome } = await resolve("example.com", { transports: [doh({ resolvers: dns }), policyFetch({ fetch, weakOracle: true })] });
  const [, { value, error, reachable }] = evidence;
  told[name] = { decision, unknown: unknown.map(({ reason }) => reason), redirect: value?.redirect, failure: outcome.failure?.detail, error: error?.code, reachable };
}
for (const [name, store] of Object.entries({ indexedDb: indexedDb(), webStorage: webStorage() })) {
  const fetch = (_, init) => globalThis.fetch(hosts.shared, init);
  await resolve("example.com", { transports: [doh({ resolvers: dns }), policyFetch({ fetch })], store });
  const again = await resolve("example.com", { store });
  told[name] = [again.decision, again.source, again.unknown.length];
}
await fetch("/told", { method: "POST", body: JSON.stringify(told) });
`;

test("a browser shows what it can, and what it hides is unknown", { skip, timeout: 60_000 }, async (t) => {
  const share = { "access-control-allow-origin": "*" };
  const serve = (headers, status = 200) =>
    httpServer((_, response) => response.writeHead(status, { "content-type": "text/plain", ...headers }).end(POLICY));
  const [shared, hidden, redirect, missing, closed] = [
    await serve(share),
    await serve({}),
    await serve({ ...share, location: "/other" }, 302),
    await serve(share, 404),
    await serve({}),
  ];
  await closed.close();
  const dns = await dohServer((_, response) => {
    for (const [name, value] of Object.entries(share)) response.setHeader(name, value);
    return { answers: [txt("_mta-sts.example.com", RECORD)] };
  });
  const hosts = {
    shared: shared.url,
    hidden: hidden.url,
    redirect: redirect.url,
    missing: missing.url,
    closed: closed.url,
  };
  const contents = `const setup = ${JSON.stringify({ dns: `${dns.url}/dns-query`, hosts })};${PAGE}`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: src },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "error",
  });

  let tell;
  const told = new Promise((resolve) => (tell = resolve));
  const files = {
    "/": ["text/html", '<!doctype html><script type="module" src="/page.js"></script>'],
    "/page.js": ["text/javascript", outputFiles[0].contents],
    "/mta_sts_bg.wasm": ["application/wasm", readFileSync(wasm)],
  };
  // No eval, no inline script.
  const csp = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' http://127.0.0.1:*`;
  const site = await httpServer((request, response) => {
    if (request.url === "/told") return void request.on("data", (text) => (response.end(), tell(JSON.parse(text))));
    const [type, text] = files[request.url] ?? ["text/plain", ""];
    response
      .writeHead(files[request.url] ? 200 : 404, { "content-type": type, "content-security-policy": csp })
      .end(text);
  });
  const profile = mkdtempSync(join(tmpdir(), "mta-sts-test-"));
  const args = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    `--user-data-dir=${profile}`,
    `${site.url}/`,
  ];
  const page = spawn(browser, [...args, "--remote-debugging-port=0"], { stdio: "ignore" });
  t.after(async () => {
    const gone = new Promise((done) => page.once("exit", done));
    page.kill();
    await gone;
    await Promise.all([shared, hidden, redirect, missing, dns, site].map((server) => server.close()));
    // The browser's other processes may write there a little longer.
    rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
  });

  assert.deepEqual(await told, {
    shared: { decision: "enforce", unknown: [], redirect: false },
    hidden: { decision: "unknown", unknown: ["hidden"], failure: "not-tried", error: "hidden", reachable: true },
    redirect: { decision: "no-policy", unknown: [], redirect: true, failure: "status" },
    missing: { decision: "no-policy", unknown: [], redirect: false, failure: "status" },
    closed: { decision: "unknown", unknown: ["hidden"], failure: "not-tried", error: "hidden", reachable: false },
    indexedDb: ["enforce", "cache", 0],
    webStorage: ["enforce", "cache", 0],
  });
});
