import { isObject } from "./observation.js";

const BUDGET = { queries: 20, ms: 20_000 };
const TIMEOUTS = { txt: 8000, https: 10_000, store: 2000 };
const CONFIG = { recheckAfter: 300, backoff: 300, maxBody: 65_536 };

/** One lookup's options, checked and with their defaults, and what it has spent and seen. */
export class Run {
  evidence = [];
  unknown = [];
  /**
   * Pasted or recorded evidence was used. It was not fetched from an authenticated policy host now (RFC 8461 §3.3), so
   * nobody's deliveries may rest on it later: the cache stays as it is.
   */
  supplied = false;
  #queries = 0;
  #until;

  constructor(options, stop, MtaStsError) {
    const wrong = (what) => new MtaStsError("argument", what);
    if (options !== undefined && !isObject(options)) throw wrong("the options are no object");
    const { transports = [], store, signal, now = clock, intent = "deliver", config, budget, timeouts } = options ?? {};
    this.transports = [transports].flat(Infinity);
    if (!this.transports.every(isTransport)) throw wrong("a transport is an object with kind, name and run()");
    if (store != null && !isStore(store)) throw wrong("a store is an object with get() and update()");
    if (signal != null && typeof signal.addEventListener !== "function") throw wrong("signal is no AbortSignal");
    if (!["deliver", "before-bounce", "refresh"].includes(intent)) throw wrong("there is no such intent");
    if (typeof now !== "function" && !Number.isFinite(now)) throw wrong("now is a number of seconds, or gives one");
    const numbers = (given, defaults, name) => {
      if (given != null && !isObject(given)) throw wrong(`${name} is no object`);
      const merged = Object.entries(defaults).map(([key, value]) => [key, given?.[key] ?? value]);
      const bad = merged.find(([, value]) => typeof value !== "number" || !(value >= 0));
      if (bad) throw wrong(`${name}.${bad[0]} is no number from 0 on`);
      return Object.fromEntries(merged);
    };
    this.store = store ?? undefined;
    this.signals = signal ? [signal, stop] : [stop];
    this.intent = intent;
    this.now = typeof now === "function" ? () => now() : () => now;
    this.config = numbers(config, CONFIG, "config");
    this.budget = numbers(budget, BUDGET, "budget");
    this.timeouts = numbers(timeouts, TIMEOUTS, "timeouts");
    this.#until = performance.now() + this.budget.ms;
  }

  throwIfAborted() {
    for (const signal of this.signals) if (signal.aborted) throw signal.reason;
  }

  /** How long the whole lookup may still take, in milliseconds. */
  remaining() {
    return this.#until - performance.now();
  }

  /** Takes queries from the budget, or says why it cannot. */
  spend(queries) {
    if (this.remaining() <= 0) return "the time for the whole lookup is up";
    if (this.#queries + queries > this.budget.queries) return "the number of queries for the whole lookup is used up";
    this.#queries += queries;
    return undefined;
  }
}

const clock = () => Math.floor(Date.now() / 1000);

const isTransport = (it) => isObject(it) && ["dns", "https"].includes(it.kind) && typeof it.run === "function";
const isStore = (it) => isObject(it) && typeof it.get === "function" && typeof it.update === "function";
