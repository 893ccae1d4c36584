import { fromBase64, toBase64 } from "../driver/base64.js";
import { isBytes, isObject, isObservation, observe } from "../driver/observation.js";

const FORMAT = "mta-sts-evidence";

/** Recorded evidence, answered again: of each request what was seen then, or else why nothing was. */
export default function replay(recorded) {
  const evidence = evidenceFromJSON(recorded);
  return ["dns", "https"].map((kind) => ({
    kind,
    name: "replay",
    capabilities: ["supplied"],
    queries: 0,
    async run(request) {
      const subject = ({ name, url }) => url ?? name?.replace(/\.$/, "").toLowerCase();
      const seen = evidence.filter((seen) => seen.kind === kind && subject(seen.request) === subject(request));
      const best = seen.find(({ error }) => !error?.blind) ?? seen[seen.length - 1];
      return best ?? observe(kind, "replay", request).blind("missing", "the recorded evidence does not hold this");
    },
  }));
}

/** Evidence as plain data for JSON: octets become `{base64}`. */
export function evidenceToJSON(evidence) {
  return { format: FORMAT, version: 1, observations: evidence.map(pack) };
}

/** The observations of recorded evidence, given as that data or as its JSON text. Throws if it is none. */
export function evidenceFromJSON(recorded) {
  const told = typeof recorded === "string" ? JSON.parse(recorded) : recorded;
  const { format, version, observations } = isObject(told) ? told : {};
  if (format !== FORMAT || version !== 1 || !Array.isArray(observations)) throw new TypeError("this is no evidence");
  const evidence = observations.map((observation) => unpack(observation));
  const isGood = (seen) => isObject(seen) && isObject(seen.request) && isObservation(seen, seen.kind);
  if (!evidence.every(isGood)) throw new TypeError("an observation is malformed");
  return evidence;
}

function pack(it) {
  if (isBytes(it)) return { base64: toBase64(it) };
  if (Array.isArray(it)) return it.map(pack);
  return isObject(it) ? mapped(it, pack) : it;
}

// Deeper than any observation; hostile JSON must not exhaust the stack.
const DEEPEST = 16;

function unpack(it, depth = 0) {
  if (depth > DEEPEST) throw new TypeError("this is no evidence");
  const deeper = (inner) => unpack(inner, depth + 1);
  if (Array.isArray(it)) return it.map(deeper);
  if (!isObject(it)) return it;
  return typeof it.base64 === "string" ? fromBase64(it.base64) : mapped(it, deeper);
}

// Own data properties only, "__proto__" among them.
const mapped = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
