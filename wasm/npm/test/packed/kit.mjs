// What the tests of the packed package share: tools, temp projects, programs, the lab, a browser, a web server.
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { dohBefore } from "../driver/servers.js";

const folder = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const here = folder(".");
export const packageFolder = folder("../../");

/** What must be undone at the end, last first. */
const undo = [];
export const atEnd = (step) => undo.push(step);
export async function end() {
  for (const step of undo.splice(0).reverse()) await Promise.resolve().then(step).catch((error) => console.error(error));
}

/** Nothing is left behind when the run is cut short either. */
async function cutShort(error) {
  await end();
  if (error instanceof Error && error.code !== "EPIPE") console.error(error);
  process.exit(1);
}
for (const event of ["SIGINT", "SIGTERM", "SIGHUP", "uncaughtException", "unhandledRejection"]) process.once(event, cutShort);
process.stdout.on("error", cutShort);

export const temp = mkdtempSync(join(tmpdir(), "mta-sts-packed-"));
atEnd(() => rmSync(temp, { recursive: true, force: true, maxRetries: 5 }));

/** Installs the tools of package-lock.json, unless it is these that are there. */
export function installTools() {
  const lock = readFileSync(`${here}package-lock.json`, "utf8");
  const mark = `${here}node_modules/.installed`;
  if (existsSync(mark) && readFileSync(mark, "utf8") === lock) return;
  console.log("installing the runtimes and bundlers, once");
  // Not `npm ci`: it wants the tools' builds for all other machines in the lock as well.
  npm(["install", "--no-save", "--ignore-scripts"], here);
  writeFileSync(mark, lock);
}

const { resolve } = createRequire(import.meta.url);
export const tool = (name) => import(pathToFileURL(resolve(name)));
export const versionOf = (name) => JSON.parse(readFileSync(`${here}node_modules/${name}/package.json`, "utf8")).version;
export const inTools = (path) => `${here}node_modules/${path}`;

/** The program that npm has installed for this kind of machine: such as `bin/bun` in `@oven/bun-…`. */
export function binary(scope, start, path) {
  const installed = existsSync(inTools(scope)) ? readdirSync(inTools(scope)) : [];
  const found = installed.map((name) => inTools(`${scope}/${name}/${path}`)).find((file) => file.includes(`/${start}`) && existsSync(file));
  if (!found) throw new Error(`npm has no ${scope}/${start}… for ${process.platform} on ${process.arch}`);
  return found;
}

function npm(args, cwd) {
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
  try {
    return execFileSync("npm", [...args, ...quiet], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch ({ stderr }) {
    throw new Error(`npm ${args[0]}: ${stderr.slice(0, 2000)}`);
  }
}

/** The tarball of the package, as it would be published. */
export function pack() {
  const [{ filename }] = JSON.parse(npm(["pack", "--json", "--pack-destination", temp], packageFolder));
  return join(temp, filename);
}

export function filesOf(tarball) {
  const listed = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  return listed.map((path) => path.replace(/^package\//, "")).sort();
}

/** A project that has installed the tarball; `files` come from programs/, or from the text that is given. */
export function project(name, tarball, files) {
  const cwd = join(temp, name);
  mkdirSync(cwd, { recursive: true });
  writeFileSync(join(cwd, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  npm(["install", "--prefer-offline", "--ignore-scripts", tarball], cwd);
  for (const file of ["exercise.mjs", ...Object.keys(files)]) {
    if (files[file]) writeFileSync(join(cwd, file), files[file]);
    else copyFileSync(`${here}programs/${file}`, join(cwd, file));
  }
  return cwd;
}

/** What the program prints. It may use neither this process's environment nor more than a minute. */
export function run(program, args, cwd, env = {}) {
  const { PATH } = process.env;
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { PATH, HOME: temp, ...env }, timeout: 60_000, encoding: "utf8" };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.killed ? "over a minute" : `exit ${error.code}`}\n${stdout}${stderr}`.trim()));
      else resolve(stdout);
    });
  });
}

/** Starts a process that goes on; `first` gets its output until it gives something. */
export async function start(program, args, options, first) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let errors = "";
  child.stderr.on("data", (piece) => (errors += piece));
  const gone = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  const stop = async () => {
    child.kill("SIGINT");
    const late = setTimeout(() => child.kill("SIGKILL"), 3000);
    await gone;
    clearTimeout(late);
  };
  atEnd(stop);
  let text = "";
  for await (const piece of child.stdout) {
    const found = first((text += piece));
    if (found !== undefined) return { found, stop };
  }
  throw new Error(`${program} ended: ${(await gone)?.message ?? ""}${text}${errors}`);
}

/** The lab, and DNS over HTTPS (here: HTTP) in front of it that pages may ask. */
export async function startLab(...options) {
  const built = ["release", "debug"].map((profile) => folder(`../../../../target/${profile}/mta-sts`));
  const command = process.env.MTA_STS_BIN ?? built.find(existsSync);
  if (!command) throw new Error("there is no mta-sts command: run `cargo build --release -p mta-sts-cli`, or set MTA_STS_BIN");
  const whole = (text) => (text.endsWith("\n") ? JSON.parse(text) : undefined);
  const { found, stop } = await start(command, ["lab", "--serve", "--json", ...options], {}, whole);
  const bridge = await dohBefore(found.dns);
  const doh = await serve(async ({ url }) => {
    const answer = await fetch(bridge.url + url);
    const headers = { "content-type": answer.headers.get("content-type") ?? "text/plain", "access-control-allow-origin": "*" };
    return { status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()) };
  });
  atEnd(() => bridge.close());
  return { ...found, doh: `${doh}/dns-query`, stop };
}

/** An HTTP server on loopback; gives its origin. */
export async function serve(answer) {
  const server = createServer(async (request, response) => {
    const { status = 200, headers, body } = await answer(request).catch((error) => ({ status: 500, body: String(error) }));
    response.writeHead(status, headers).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `http://127.0.0.1:${server.address().port}`;
}

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".wasm": "application/wasm" };

/** Serves the files of a folder, each as what it is; other headers are up to the caller. */
export const serveFiles = (root, headers = {}) =>
  serve(async ({ url }) => {
    const { pathname } = new URL(url, "http://x");
    const file = join(root, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
    if (!file.startsWith(root) || !existsSync(file)) return { status: 404, headers, body: "" };
    return { headers: { "content-type": TYPES[extname(file)] ?? "application/octet-stream", ...headers }, body: readFileSync(file) };
  });

/** Chromium, headless, with a fresh home. */
export async function startBrowser({ args = [], home = join(temp, "home") } = {}) {
  const { default: playwright } = await tool("playwright-core");
  const executablePath = ["chromium", "chromium-browser", "google-chrome"].map((name) => `/usr/bin/${name}`).find(existsSync);
  if (!executablePath) throw new Error("there is no Chromium: install the package chromium");
  mkdirSync(home, { recursive: true });
  const still = ["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"];
  const env = { PATH: process.env.PATH, HOME: home };
  const browser = await playwright.chromium.launch({ executablePath, chromiumSandbox: false, args: [...still, ...args], env });
  atEnd(() => browser.close());
  return browser;
}

/** A page whose every complaint is kept: errors, rejections, what its console calls an error, failed requests. */
export async function openPage(context) {
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(`console: ${message.text()}`));
  page.on("requestfailed", (request) => complaints.push(`request: ${request.url()} ${request.failure()?.errorText}`));
  page.on("crash", () => complaints.push("the page crashed"));
  return { page, complaints };
}
