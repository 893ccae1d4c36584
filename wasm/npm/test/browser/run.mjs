// The packed package in headless Chromium, under a strict Content Security Policy: all vectors, lookups of the lab's
// domains, and stores across a reload.
//
//   node test/browser/run.mjs
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Resolver } from "node:dns/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { end, installTools, openPage, pack, project, serve, serveFiles, startBrowser, startLab, temp, tool } from "../packed/kit.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const [passed, failed] = [[], []];

/**
 * What a browser tells of failed requests by itself, whatever a page does about them; a redirect that is not followed
 * is one, too.
 */
const EXPECTED = /^(request: https:\/\/(mta-sts\.|www\.example\.com\/ net::ERR_ABORTED)|request: http:\/\/127\.0\.0\.1:\d+\/dns-query|console: (Failed to load resource|Access to fetch at 'https:\/\/mta-sts\.))/;

/** What a browser cannot see of a failure, by the lab's word for it, is unknown for this reason. */
const HIDDEN = {
  certificate: "hidden",
  TLS: "hidden",
  "no connection": "hidden",
  "no address": "hidden",
  "address not allowed": "hidden",
  "time-out": "timeout",
};

function bundle(tarball) {
  const texts = { "page.mjs": here("page.mjs"), "files.mjs": here("files.mjs"), "scenarios.mjs": here("scenarios.mjs"), "vectors.mjs": here("../vectors.mjs") };
  const files = Object.fromEntries(Object.entries(texts).map(([name, path]) => [name, readFileSync(path, "utf8")]));
  return project("browser", tarball, files);
}

async function build(tarball) {
  const cwd = bundle(tarball);
  const { build } = await tool("esbuild");
  await build({
    absWorkingDir: cwd,
    entryPoints: ["page.mjs"],
    outdir: "dist/a/b",
    bundle: true,
    format: "esm",
    loader: { ".wasm": "file" },
    alias: { "node:fs": join(cwd, "files.mjs") },
    inject: [join(cwd, "files.mjs")],
    logLevel: "silent",
  });
  copyFileSync(here("watch.js"), join(cwd, "dist/watch.js"));
  return join(cwd, "dist");
}

/** The site: `/page/ACT` with the headers that are given. */
async function startSite(dist, setup, policy) {
  const scripts = ["/watch.js", "/a/b/page.js"].map((src) => `<script type="module" src="${src}"></script>`);
  const [app, vectors] = [await serveFiles(dist), await serveFiles(here("../../../../tests/vectors/"))];
  let tell;
  const site = {
    told: () => new Promise((resolve) => (tell = resolve)),
    origin: await serve(async (request) => {
      const headers = { "content-security-policy": policy, "x-content-type-options": "nosniff" };
      const pass = async (origin, path) => {
        const answer = await fetch(origin + path);
        return { status: answer.status, headers: { ...headers, "content-type": answer.headers.get("content-type") }, body: Buffer.from(await answer.arrayBuffer()) };
      };
      const { url } = request;
      if (url === "/told") {
        let text = "";
        for await (const piece of request) text += piece;
        tell(JSON.parse(text));
        return { status: 204, headers };
      }
      if (url === "/favicon.ico") return { status: 204, headers };
      if (url === "/setup.json") return { headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(setup) };
      if (url.startsWith("/page/")) return { headers: { ...headers, "content-type": "text/html" }, body: `<!doctype html><title>mta-sts</title>${scripts.join("")}` };
      return url.startsWith("/vectors/") ? pass(vectors, url.slice("/vectors".length)) : pass(app, url);
    }),
  };
  return site;
}

const policyFor = (resolver, script = "'self' 'wasm-unsafe-eval'") =>
  `default-src 'none'; script-src ${script}; connect-src 'self' ${new URL(resolver).origin} https://*.test; require-trusted-types-for 'script'; trusted-types 'none'`;

/** Does one act in a page and gives what it told; the page may complain of nothing but what is tolerated. */
async function act(site, context, name, { tolerated = /^$/, again = false, screenshot } = {}) {
  const { page, complaints } = await openPage(context);
  const rounds = [];
  for (const go of [() => page.goto(`${site.origin}/page/${name}`), ...(again ? [() => page.reload()] : [])]) {
    // The page has its answer as well then: to leave it before would be one more failed request.
    const answered = page.waitForEvent("requestfinished", { predicate: (request) => request.url().endsWith("/told"), timeout: 0 });
    const told = Promise.all([site.told(), answered]).then(([told]) => told);
    await go();
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(() => resolve({ failed: "the page told nothing within 90 s" }), 90_000)));
    rounds.push(await Promise.race([told, late]));
    clearTimeout(timer);
  }
  if (screenshot) await page.screenshot({ path: screenshot, fullPage: true, caret: "initial" });
  await page.close();
  return { rounds, ...rounds.at(-1), complaints: complaints.filter((complaint) => !tolerated.test(complaint)) };
}

function check(what, wrong, detail = "") {
  const list = wrong.filter(Boolean);
  (list.length > 0 ? failed : passed).push(what);
  console.log(list.length > 0 ? `${what}: FAILED\n  ${list.join("\n  ")}` : `${what}: ok${detail && ` (${detail})`}`);
}

const faults = ({ failed, violations = [], complaints }) => [failed, ...violations.map((violation) => `CSP: ${violation}`), ...complaints];

/** Leads the browser to the policy hosts as the lab's DNS does; it can ask no other name. */
async function hostRules({ dns, https_port: port, domains }) {
  const resolver = new Resolver();
  resolver.setServers([dns]);
  const rules = await Promise.all(
    domains.map(async ({ domain }) => {
      const host = `mta-sts.${domain}`;
      const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
      // A browser tries all addresses, but a rule holds one. None but those of this machine are tried here.
      const addresses = found.flatMap(({ value = [] }) => value).filter((address) => /^127\.|^::1$/.test(address));
      const address = addresses.find((address) => address === "127.0.0.1") ?? addresses[0];
      return address ? `MAP ${host}:443 ${address.includes(":") ? `[${address}]` : address}:${port}` : `MAP ${host} ~NOTFOUND`;
    }),
  );
  return [...rules, "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"].join(", ");
}

/** A home in which Chromium finds the lab's CA; whatever the CA did not sign is refused as ever. */
function homeTrusting(ca, name) {
  const home = join(temp, name);
  const database = join(home, ".pki/nssdb");
  mkdirSync(database, { recursive: true });
  writeFileSync(join(home, "ca.pem"), ca);
  const certutil = (...args) => {
    try {
      execFileSync("certutil", ["-d", `sql:${database}`, ...args], { stdio: "pipe" });
    } catch (error) {
      throw new Error(error.code === "ENOENT" ? "there is no certutil: install the package libnss3-tools" : `certutil: ${error.stderr}`);
    }
  };
  certutil("-N", "--empty-password");
  certutil("-A", "-n", "lab", "-t", "C,,", "-i", join(home, "ca.pem"));
  return home;
}

async function withLab(dist, cors, work) {
  const lab = await startLab(...(cors ? ["--cors"] : []));
  const browser = await startBrowser({
    args: [`--host-resolver-rules=${await hostRules(lab)}`],
    home: homeTrusting(lab.ca_pem, cors ? "home-cors" : "home"),
  });
  const setup = { domains: lab.domains.map(({ domain }) => domain), resolver: lab.doh };
  try {
    await work({ lab, browser, setup, site: await startSite(dist, setup, policyFor(lab.doh)) });
  } finally {
    await browser.close();
    await lab.stop();
  }
}

/** The lab's word for a failure. */
function failureOf(failure) {
  if (!failure) return "";
  const { kind, detail, status } = failure;
  const kinds = { record: "bad record", policy: "invalid policy", "dns-temporary": "DNS" };
  const details = { "media-type": "media type", "too-large": "too large" };
  return kinds[kind] ?? (detail === "status" ? `status ${status}` : (details[detail] ?? detail));
}

const shown = ({ decision, failure, unknown }) =>
  decision === "unknown" ? `unknown (${unknown.map(({ reason }) => reason)})` : [decision, failureOf(failure)].filter(Boolean).join(", ");

/**
 * What a browser may say of a domain in place of what the lab says, and why; nothing if it must say the same.
 */
function allowed({ domain, failure }) {
  if (domain === "dns-timeout.test") return [/^unknown \((http|timeout)\)$/, "the resolver failed, which says nothing of the domain"];
  if (HIDDEN[failure] === "timeout") return [/^unknown \(timeout\)$/, "the page cannot tell whose fault it is"];
  if (HIDDEN[failure]) return [/^unknown \(hidden\)$/, "the browser does not say why"];
  if (failure === "encoding") return [/^enforce$/, "the browser itself asks for codings, and undoes them"];
  if (domain === "no-close-notify.test") return [/^enforce$/, "the browser does not tell how a connection ended"];
  if (failure === "status 301") return [/^no-policy, status 302$/, "which redirect it was is hidden"];
  return undefined;
}

async function lookups(dist) {
  await withLab(dist, true, async ({ lab, browser, site }) => {
    const context = await browser.newContext();
    const screenshot = join(tmpdir(), "mta-sts-browser.png");
    const told = await act(site, context, "lookups", { tolerated: EXPECTED, screenshot });
    const [wrong, differ] = [[...faults(told)], []];
    for (const said of lab.domains) {
      const got = told.did?.find(({ domain }) => domain === said.domain);
      const expected = [said.decision.replace(" ", "-"), said.failure].filter(Boolean).join(", ");
      if (!got) wrong.push(`${said.domain}: nothing was told`);
      else if (shown(got) !== expected) {
        const [pattern, why] = allowed(said) ?? [];
        if (pattern?.test(shown(got))) differ.push([said.domain, expected, shown(got), why]);
        else wrong.push(`${said.domain}: the lab says ${expected}, the browser ${shown(got)}`);
      } else if (allowed(said)) wrong.push(`${said.domain}: ${expected}, which a browser should not be able to see`);
    }
    if (differ.length < 15) wrong.push(`only ${differ.length} domains differ: are certificates verified?`);
    console.log("domains of which a browser sees less or other things than the lab:");
    for (const row of [["domain", "the lab", "the browser", ""], ...differ]) console.log(`  ${row[0].padEnd(24)}${row[1].padEnd(34)}${row[2].padEnd(30)}${row[3]}`);
    check("lookups, policy hosts send CORS headers", wrong, `${lab.domains.length} domains, ${differ.length} of them as in the table; screenshot: ${screenshot}`);

    const { rounds, ...stored } = await act(site, context, "stores", { tolerated: EXPECTED, again: true });
    const wanted = [["unknown", null], ["enforce", "cache"]].map((state) => JSON.stringify({ indexedDb: state, webStorage: state }));
    const states = rounds.map(({ did }) => JSON.stringify(did));
    check("localStorage and IndexedDB across a reload", [...faults(stored), states.join() !== wanted.join() && `they held ${states}`]);
  });
  await withLab(dist, false, async ({ lab, browser, site }) => {
    const told = await act(site, await browser.newContext(), "lookups", { tolerated: EXPECTED });
    const wrong = faults(told);
    let hidden = 0;
    for (const { domain, decision, failure } of lab.domains) {
      const got = told.did?.find((row) => row.domain === domain);
      if (got?.asked) {
        hidden += 1;
        const isUnknown = got.decision === "unknown" && got.unknown.some(({ reason, ways }) => /^(hidden|timeout)$/.test(reason) && ways > 0);
        if (!isUnknown) wrong.push(`${domain}: ${shown(got)}`);
      } else if (got?.decision !== decision.replace(" ", "-") && domain !== "dns-timeout.test") {
        wrong.push(`${domain}: the lab says ${decision} (${failure}), the browser ${got ? shown(got) : "nothing"}`);
      }
    }
    check("lookups, policy hosts send none", [...wrong, hidden < 40 && `only ${hidden} policy hosts were asked`], `${hidden} policies are unknown, with a reason and how to supply them`);
  });
}

async function vectors(dist) {
  const browser = await startBrowser();
  const resolver = "http://127.0.0.1:1/dns-query";
  const site = await startSite(dist, {}, policyFor(resolver));
  const context = await browser.newContext();
  const started = await act(site, context, "init");
  check("init under the CSP", [...faults(started), started.did !== "0.1.0" && `it is version ${started.did}`], `Chromium ${browser.version()}`);

  const strict = await startSite(dist, {}, policyFor(resolver, "'self'"));
  const refused = await act(strict, context, "init", { tolerated: /Content Security Policy|WebAssembly/ });
  const isTyped = /^init .*wasm-unsafe-eval/.test(refused.failed ?? "") && refused.violations.some((violation) => /^script-src wasm-eval/.test(violation));
  check("init without 'wasm-unsafe-eval' is a typed error", [!isTyped && `it was ${refused.failed}, ${refused.violations}`, ...refused.complaints]);

  const told = await act(site, context, "vectors");
  const wrong = faults(told);
  let [total, either] = [0, 0];
  for (const file of told.did ?? []) {
    console.log(`  ${file.file.padEnd(28)}${file.passed} passed, ${file.failed.length} failed${file.either > 0 ? `, ${file.either} differ in what is not scored` : ""}`);
    total += file.passed;
    either += file.either;
    wrong.push(...file.failed);
  }
  check("vectors in the page", [...wrong, total < 400 && `only ${total} passed`], `${total} passed, 0 failed${either > 0 ? `, ${either} not scored` : ""}`);
  await browser.close();
}

try {
  installTools();
  const dist = await build(pack());
  await vectors(dist);
  await lookups(dist);
} catch (error) {
  console.log(`the run ended early: FAILED\n  ${error.message}`);
  failed.push("the run");
} finally {
  await end();
}
if (failed.length > 0) console.log(`failed: ${failed.join(", ")}`);
console.log(`${passed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 || passed.length === 0 ? 1 : 0;
