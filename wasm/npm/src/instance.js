import { MtaStsError, wrongArgument } from "./errors.js";

const TRAPPED =
  "the WASM engine failed inside and was replaced by a fresh one. Prepared policies and lookups made before are lost: " +
  "make them again. Please report this, with the input";
const LOST = "this object belonged to a WASM engine that failed and was replaced; make it again";
const NOT_INITIALISED =
  "mta-sts is not initialised: `await init()` first, or `initSync(module)` with the compiled .wasm or its octets";

/** The one WASM instance behind an engine. What wasm-bindgen's glue keeps is replaced after a trap. */
export function createInstance(glue) {
  let ready = false;
  let broken = false;
  let generation = 0;

  function initSync(input) {
    if (ready) return;
    let module = input;
    if (!isModule(input)) {
      if (!ArrayBuffer.isView(input) && !(input instanceof ArrayBuffer)) {
        throw wrongArgument("the module", "a WebAssembly.Module or the octets of the .wasm", input);
      }
      module = compiled(input);
    }
    start(module);
    ready = true;
  }

  function start(module) {
    let cause;
    try {
      // The glue would keep even an instance that it cannot use.
      if (fits(module, glue)) return glue.initSync({ module });
    } catch (error) {
      cause = error;
    }
    throw new MtaStsError("init", "this is not the .wasm of this version of mta-sts", { cause });
  }

  function enter() {
    if (!ready) throw new MtaStsError("not-initialised", NOT_INITIALISED);
    if (broken) renew();
  }

  function renew() {
    try {
      glue.__wbg_reset_state();
    } catch (cause) {
      throw new MtaStsError("trap", "the WASM engine failed inside and could not be replaced", { cause });
    }
    broken = false;
  }

  // Arguments are checked before, so whatever is thrown has cut WASM code short: a trap, or the end of the stack. Its
  // memory may be inconsistent and is not used again.
  function trapped(cause) {
    broken = true;
    generation += 1;
    try {
      renew();
    } catch {
      // The stack may be exhausted right here. The next call tries again.
    }
    return new MtaStsError("trap", TRAPPED, { cause });
  }

  /** The function of the glue with a trap as a typed error; nothing if the glue does not have it. */
  const guard = (f) =>
    f &&
    ((...args) => {
      enter();
      try {
        return f(...args);
      } catch (cause) {
        throw trapped(cause);
      }
    });

  const hold = (raw) => new Handle(raw, generation, () => generation, trapped);

  return { initSync, isReady: () => ready, guard, hold };
}

/** An object in WASM memory, which is gone when it is freed or its instance is. */
class Handle {
  #raw;
  #made;
  #generation;
  #trapped;

  constructor(raw, made, generation, trapped) {
    this.#raw = raw;
    this.#made = made;
    this.#generation = generation;
    this.#trapped = trapped;
  }

  call(method, ...args) {
    if (this.#raw === null) throw new MtaStsError("freed", "this object was freed; make it again");
    if (this.#made !== this.#generation()) throw new MtaStsError("trap", LOST);
    try {
      return this.#raw[method](...args);
    } catch (cause) {
      throw this.#trapped(cause);
    }
  }

  free() {
    // What belongs to a lost instance must not be freed in the memory of the next.
    if (this.#raw !== null && this.#made === this.#generation()) this.call("free");
    this.#raw = null;
  }
}

/** Whether the module has all that the glue calls by its own name. */
function fits(module, glue) {
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const called = Object.keys(glue).filter((name) => /^(?!default$)[a-z][a-z_]*$/.test(name));
  return ["__wbindgen_start", ...called].every((name) => exported.has(name));
}

function compiled(octets) {
  try {
    return new WebAssembly.Module(octets);
  } catch (cause) {
    throw new MtaStsError("init", "the .wasm does not compile: it is cut short, or not WebAssembly", { cause });
  }
}

export const isModule = (value) => value instanceof WebAssembly.Module;
