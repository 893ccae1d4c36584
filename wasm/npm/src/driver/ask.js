import { within, TimedOut } from "./abort.js";
import { isObservation, messageOf, observe } from "./observation.js";

const KIND = { txt: "dns", https: "https" };

/**
 * Puts a want to the transports of its kind, in order, until one answers or really sees it fail.
 * Yields each observation as it is made; returns the deciding one, or that nothing could be seen.
 */
export async function* ask(run, want) {
  const kind = KIND[want.want];
  let last = observe(kind, "driver", want).blind("no-transport", `there is no ${kind} transport`);
  for (const transport of run.transports.filter((transport) => transport.kind === kind)) {
    const observation = await observed(run, transport, want);
    run.evidence.push(observation);
    yield { type: "observation", observation };
    if (!observation.error?.blind) return { observation, transport };
    last = observation;
  }
  return { observation: last };
}

async function observed(run, transport, want) {
  const { want: kind, ...request } = want;
  const began = observe(transport.kind, transport.name, request);
  const refused = run.spend(transport.queries ?? 1);
  if (refused) return began.blind("budget", refused);
  const ms = Math.min(run.timeouts[kind], run.remaining());
  try {
    const context = (signal) => ({ signal, maxBody: want.maxBody, ms });
    const observation = await within(run.signals, ms, (signal) => transport.run(request, context(signal)));
    if (isObservation(observation, transport.kind)) return observation;
    return began.blind("transport", `${transport.name} gave no observation`);
  } catch (error) {
    run.throwIfAborted();
    if (!(error instanceof TimedOut)) return began.blind("transport", `${transport.name} broke: ${messageOf(error)}`);
    if (run.remaining() <= 0) return began.blind("budget", "the time for the whole lookup is up");
    // Only who would have seen another failure as well can say that it was the host who did not answer.
    const sees = transport.capabilities?.includes("failures");
    return began[sees ? "failed" : "blind"]("timeout", error.message);
  }
}
