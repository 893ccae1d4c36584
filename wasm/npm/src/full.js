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

export const { resolve, steps } = createDriver(engine);
