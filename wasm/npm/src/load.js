import { MtaStsError } from "./errors.js";
import { isModule } from "./instance.js";

/** Makes an `init`, which gets and compiles the module. `standard` says where it is by default. */
export function initWith(instance, standard) {
  let pending;
  return async function init(input) {
    if (instance.isReady()) return;
    // All who ask at once wait for the same; after a failure one may try again.
    pending ??= load(input, standard).finally(() => (pending = undefined));
    instance.initSync(await pending);
  };
}

async function load(input, standard) {
  const source = (await input) ?? standard();
  if (isModule(source) || ArrayBuffer.isView(source) || source instanceof ArrayBuffer) return compiled(source);
  const isAddress = typeof source === "string" || isA("URL", source) || isA("Request", source);
  if (!isAddress && !isA("Response", source)) {
    const wanted = "an URL, a Request, a Response, the octets of the .wasm or a WebAssembly.Module";
    throw new MtaStsError("argument", `init takes ${wanted}, or a promise of one`);
  }
  return compiledResponse(isAddress ? await fetched(source) : source);
}

const isA = (name, value) => typeof globalThis[name] === "function" && value instanceof globalThis[name];

async function fetched(address) {
  try {
    return await fetch(address);
  } catch (cause) {
    throw new MtaStsError("init", `the .wasm could not be fetched from ${address.url ?? address}`, { cause });
  }
}

async function compiledResponse(response) {
  if (!response.ok) {
    throw new MtaStsError("init", `the .wasm could not be fetched from ${response.url}: status ${response.status}`);
  }
  // Only this media type may be compiled while it streams.
  const streams = /^application\/wasm\s*$/i.test(response.headers.get("Content-Type") ?? "");
  if (!streams || !WebAssembly.compileStreaming) return compiled(await response.arrayBuffer());
  try {
    return await WebAssembly.compileStreaming(response);
  } catch (cause) {
    throw notCompiled(cause);
  }
}

async function compiled(source) {
  if (isModule(source)) return source;
  try {
    return await WebAssembly.compile(source);
  } catch (cause) {
    throw notCompiled(cause);
  }
}

const notCompiled = (cause) =>
  new MtaStsError(
    "init",
    "the .wasm does not compile: it is no WebAssembly, or the page's CSP lacks script-src 'wasm-unsafe-eval'",
    { cause },
  );
