/** What ends work that took too long. It never leaves the driver: it becomes an observation. */
export class TimedOut extends Error {
  constructor(ms) {
    super(`no answer within ${Math.round(ms)} ms`);
    this.name = "TimeoutError";
  }
}

// A longer delay would overflow, and a timer that overflows fires at once.
const LONGEST = 2 ** 31 - 1;

/**
 * Runs `work(signal)` until it ends, one of `signals` aborts, or `ms` have passed; then `work`'s own
 * signal is aborted, and the reason (or a `TimedOut`) is thrown at once, whether `work` obeys or not.
 *
 * Listeners and the timer live only as long as the call, so that nothing stays behind on a signal
 * that outlives many lookups. What `work` does after that is ignored, its rejection too.
 */
export function within(signals, ms, work) {
  const inner = new AbortController();
  return new Promise((resolve, reject) => {
    const aborted = signals.find((signal) => signal.aborted);
    if (aborted) return reject(aborted.reason);
    const listeners = signals.map((signal) => [signal, () => stop(signal.reason)]);
    const timer = setTimeout(() => stop(new TimedOut(ms)), Math.min(ms, LONGEST));
    for (const [signal, listener] of listeners) signal.addEventListener("abort", listener);
    const settled = (settle) => (value) => {
      clearTimeout(timer);
      for (const [signal, listener] of listeners) signal.removeEventListener("abort", listener);
      settle(value);
    };
    const stop = (reason) => {
      settled(reject)(reason);
      inner.abort(reason);
    };
    new Promise((started) => started(work(inner.signal))).then(settled(resolve), settled(reject));
  });
}
