import { walk } from "./walk.js";

/**
 * The fetch driver over an engine: the core's lookup machine decides, the driver only carries wants
 * to transports and what they saw back.
 */
export function createDriver(engine) {
  return {
    async resolve(domain, options) {
      for await (const event of steps(engine, domain, options)) {
        if (event.type === "done") return event.result;
      }
    },
    steps: (domain, options) => steps(engine, domain, options),
  };
}

/** An async generator answers `return()` only after what it awaits; this one stops that. */
function steps(engine, domain, options) {
  const stop = new AbortController();
  const stopped = new Error("the lookup was given up");
  const events = walk(engine, domain, options, stop.signal);
  const end = { done: true, value: undefined };
  const quiet = (error) => {
    if (error === stopped) return end;
    throw error;
  };
  return {
    next: () => events.next().catch(quiet),
    return(value) {
      stop.abort(stopped);
      return events.return(value).catch(quiet);
    },
    throw(error) {
      stop.abort(stopped);
      return events.throw(error).catch(quiet);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
