import { adviceFunctions } from "./advice.js";
import { entryFunctions } from "./entry.js";
import { MtaStsError } from "./errors.js";
import { createInstance } from "./instance.js";
import { initWith } from "./load.js";
import { lookupClass } from "./lookup.js";
import { nameFunctions } from "./names.js";
import { policyFunctions } from "./policy.js";
import { txtFunctions } from "./txt.js";

/**
 * The public functions over the glue that wasm-bindgen wrote. What the glue does not have, because the WASM is the slim
 * one, is undefined.
 */
export function createEngine(glue) {
  const instance = createInstance(glue);
  const { api: names, domainOf } = nameFunctions(glue, instance);
  const { api: policies, prepared } = policyFunctions(glue, instance);
  const Lookup = lookupClass(glue, instance, domainOf, prepared);
  if (Symbol.dispose) Lookup.prototype[Symbol.dispose] = Lookup.prototype.free;
  return {
    ...names,
    ...policies,
    ...txtFunctions(glue, instance).api,
    ...entryFunctions(glue, instance, domainOf, policies.parsePolicy).api,
    ...adviceFunctions(glue, instance).api,
    Lookup,
    MtaStsError,
    initSync: instance.initSync,
    initWith: (standard) => initWith(instance, standard),
    version: instance.guard(glue.version),
  };
}
