// Runs in the page. What is to be done is the last part of its URL; what came of it is posted to /told.
import * as mtaSts from "mta-sts";
import wasm from "mta-sts/mta_sts_bg.wasm";
import indexedDb from "mta-sts/stores/indexeddb";
import webStorage from "mta-sts/stores/web-storage";
import doh from "mta-sts/transports/doh";
import policyFetch from "mta-sts/transports/fetch";
import { files } from "./files.mjs";
import { agrees as stepsAgree, play } from "./scenarios.mjs";
import { agrees, casesOf, outcomes } from "./vectors.mjs";

const TIMEOUTS = { txt: 5000, https: 5000 };
const AT_ONCE = 6;

const acts = {
  init: async () => mtaSts.version(),

  async vectors() {
    const told = [];
    for (const file of Object.keys(outcomes)) await load(file);
    for (const { input } of casesOf("tlsrpt_reports/index.json")) await load(`tlsrpt_reports/${input.file}`);
    for (const [file, outcome] of Object.entries(outcomes)) {
      told.push(score(file, casesOf(file), ({ input, expect }) => agrees(expect, outcome(mtaSts, input)) || outcome(mtaSts, input)));
    }
    for (const file of ["fetch_rules.json", "extra/fetch_rules.json"]) {
      await load(file);
      const cases = casesOf(file).filter(({ needs }) => needs.join() === "core");
      told.push(score(file, cases, ({ input, expect }) => stepsAgree(expect, play(mtaSts, input)) || play(mtaSts, input)));
    }
    return told;
  },

  async lookups({ domains, resolver }) {
    const told = [];
    const waiting = [...domains];
    const work = async () => {
      for (let domain; (domain = waiting.shift()); ) {
        const transports = [doh({ resolvers: resolver, timeout: 4000 }), policyFetch()];
        const { decision, outcome, unknown, evidence } = await mtaSts.resolve(domain, { transports, timeouts: TIMEOUTS });
        const asked = evidence.some(({ kind }) => kind === "https");
        const why = unknown.map(({ reason, howToSupply }) => ({ reason, ways: howToSupply.length }));
        told.push({ domain, decision, failure: outcome.failure, unknown: why, asked });
        document.body.append(`${domain}: ${decision} ${why.map(({ reason }) => reason)}`, document.createElement("br"));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return told;
  },

  /** The first time the domain is looked up, after a reload the stores know it. */
  async stores({ resolver }) {
    const told = {};
    for (const [name, store] of Object.entries({ indexedDb: indexedDb(), webStorage: webStorage() })) {
      const { decision, source } = await mtaSts.resolve("enforce.test", { store });
      told[name] = [decision, source];
      const transports = [doh({ resolvers: resolver }), policyFetch()];
      if (decision === "unknown") await mtaSts.resolve("enforce.test", { transports, store });
    }
    return told;
  },
};

async function load(file) {
  const response = await fetch(`/vectors/${file}`);
  if (!response.ok) throw new Error(`there is no ${file}`);
  files.set(file, new Uint8Array(await response.arrayBuffer()));
}

function score(file, cases, test) {
  const told = { file, passed: 0, either: 0, failed: [] };
  for (const { id, expect, ...rest } of cases) {
    let got;
    try {
      got = test({ expect, ...rest });
    } catch (error) {
      got = String(error);
    }
    if (got === true) told.passed += 1;
    else if (expect.strictness === "either") told.either += 1;
    else told.failed.push(`${id} gave ${JSON.stringify(got)}`);
  }
  return told;
}

async function main() {
  const setup = await (await fetch("/setup.json")).json();
  const act = location.pathname.split("/").at(-1);
  try {
    await mtaSts.init(new URL(wasm, import.meta.url));
    return { did: await acts[act](setup) };
  } catch (error) {
    return { failed: `${error.code ?? ""} ${error.stack}` };
  }
}

main().then(async (told) => {
  // Violations are told of a moment later.
  await new Promise((resolve) => setTimeout(resolve, 100));
  await fetch("/told", { method: "POST", body: JSON.stringify({ ...told, violations: globalThis.violations }) });
});
