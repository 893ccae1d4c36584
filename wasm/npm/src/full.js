import { createDriver } from "./driver/index.js";
import { engine } from "./full-engine.js";

export const {
  checkDomain,
  entryBody,
  importEntry,
  initSync,
  inspectEntry,
  lintPolicy,
  lintTlsrpt,
  lintTxt,
  Lookup,
  matchMx,
  MtaStsError,
  parsePolicies,
  parsePolicy,
  parseReport,
  parseTlsrpt,
  parseTxt,
  preparePolicy,
  version,
} = engine;

// Bundlers leave out what is not used, and only see that it is not in this form.
const driver = /* @__PURE__ */ createDriver(engine);
export const resolve = (domain, options) => driver.resolve(domain, options);
export const steps = (domain, options) => driver.steps(domain, options);
