import { ask } from "./ask.js";
import { readEntry, writeEntry } from "./cache.js";
import { feed } from "./feed.js";
import { Run } from "./run.js";
import { unknown } from "./unknown.js";

const WHAT = { txt: "txt", https: "policy" };

/** One lookup, as the events of its steps; the last one, `done`, holds the result. */
export async function* walk(engine, name, options, stop) {
  const run = new Run(options, stop, engine.MtaStsError);
  run.throwIfAborted();
  const domain = validDomain(engine, name);
  const cached = await readEntry(run, engine, domain);
  if (cached.unknown) yield note(run, cached.unknown);
  const { intent, config } = run;
  const lookup = new engine.Lookup(domain, { entry: cached.entry, intent, config, now: run.now() });
  try {
    const provisional = lookup.provisional();
    if (provisional) yield { type: "decision", provisional: true, source: "cache", ...provisional };

    // The last answer, which is the one that decided.
    let decisive;
    for (let want = lookup.want(); want.want !== "nothing"; want = lookup.want()) {
      run.throwIfAborted();
      yield { type: "want", want };
      decisive = yield* ask(run, want);
      feed(lookup, want, decisive.observation, run.now);
      run.supplied ||= decisive.transport?.capabilities?.includes("supplied") ?? false;
      const { error } = decisive.observation;
      if (error?.blind) yield note(run, unknown(WHAT[want.want], error.code, error.message, want.url ?? want.name));
    }

    const outcome = lookup.outcome();
    const decision = decide(outcome, provisional, decisive, cached.unknown !== undefined);
    const { policy } = outcome;
    const source = decision === "unknown" ? null : sourceOf(outcome, provisional, decisive);
    run.throwIfAborted();
    yield { type: "decision", provisional: false, decision, policy, source };

    const written = await keep(run, lookup, outcome, domain, cached.entry);
    if (written.unknown) yield note(run, written.unknown);
    run.throwIfAborted();
    const { evidence } = run;
    const result = { domain, decision, policy, source, outcome, entry: written.entry, evidence, unknown: run.unknown };
    yield { type: "done", result };
  } finally {
    lookup.free();
  }
}

function validDomain({ checkDomain, MtaStsError }, name) {
  const checked = checkDomain(name);
  if (checked.ok) return checked.domain;
  throw new MtaStsError("domain", `the name is no policy domain: ${checked.error.message}`);
}

function note(run, unknown) {
  run.unknown.push(unknown);
  return { type: "unknown", unknown };
}

/**
 * The machine's decision, as far as it rests on something seen. RFC 8461 §3.3 delivers without a policy where none
 * could be learnt; who asks from behind a blind spot must not read that as "there is none".
 */
function decide({ decision, cache }, provisional, decisive, cacheUnreadable) {
  if (decision !== "no-policy" || cache === "fetched") return decision;
  // A live cached policy of mode none.
  if (provisional?.decision === "no-policy") return decision;
  // RFC 8461 §3.3: an unreadable cache is not an empty one, it may hold a live policy.
  return decisive?.observation.error?.blind || cacheUnreadable ? "unknown" : decision;
}

function sourceOf({ decision, cache }, provisional, decisive) {
  const isCached = cache !== "fetched" && (decision !== "no-policy" || provisional?.decision === "no-policy");
  return isCached ? "cache" : (decisive?.observation.source ?? null);
}

async function keep(run, lookup, { cache }, domain, before) {
  if (cache === "keep" || run.supplied) return { entry: before };
  return writeEntry(run, lookup, domain, before);
}
