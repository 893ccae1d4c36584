import { octets, text } from "./arguments.js";
import { wrongArgument } from "./errors.js";

// One octet more than a policy may have: the verdict is the same, whatever follows.
const ENOUGH = 65_536 + 1;
const BATCH = 4 * 1024 * 1024;

const MODES = [undefined, "enforce", "testing", "none"];

// Every octet becomes one character, so that offsets stay; names are ASCII.
const latin1 = new TextDecoder("latin1");

export function policyFunctions(glue, instance) {
  const numbersOf = instance.guard(glue.parse_policy);
  const numbersOfAll = instance.guard(glue.parse_policies);
  const problemsOf = instance.guard(glue.policy_problems);
  const prepare = instance.guard((body) => glue.Policy.parse(body));

  function parsePolicy(body) {
    const given = taken(body, "body");
    const numbers = numbersOf(given);
    // A text with as many octets as characters is ASCII, and need not be decoded again.
    const whole = typeof body === "string" && body.length === given.length ? body : undefined;
    return result(numbers, 0, given, () => whole ?? latin1.decode(given), 0);
  }

  function parsePolicies(bodies) {
    if (!Array.isArray(bodies)) throw wrongArgument("bodies", "an array", bodies);
    const given = Array.from(bodies, (body, i) => taken(body, `bodies[${i}]`));
    const results = [];
    for (let first = 0; first < given.length;) {
      let size = given[first].length;
      let last = first + 1;
      while (last < given.length && size + given[last].length <= BATCH) size += given[last++].length;
      parseBatch(given.slice(first, last), size, results);
      first = last;
    }
    return results;
  }

  function parseBatch(bodies, size, results) {
    const joined = new Uint8Array(size);
    const ends = new Uint32Array(bodies.length);
    let end = 0;
    for (let i = 0; i < bodies.length; i++) {
      joined.set(bodies[i], end);
      end += bodies[i].length;
      ends[i] = end;
    }
    const numbers = numbersOfAll(joined, ends);
    const whole = latin1.decode(joined);
    const chars = () => whole;
    let at = 0;
    let start = 0;
    for (let i = 0; i < bodies.length; i++) {
      results.push(result(numbers, at, bodies[i], chars, start));
      at += numbers[at] + 1;
      start = ends[i];
    }
  }

  /** The policy that begins at `numbers[at]`; its names stand in `chars()`, counted from `start`. */
  function result(numbers, at, body, chars, start) {
    const mode = MODES[numbers[at + 1]];
    if (mode === undefined) return { ok: false, ...JSON.parse(problemsOf(body)) };
    const mx = [];
    const end = at + numbers[at];
    if (end > at + 3) {
      const text = chars();
      for (let i = at + 4; i < end; i += 3) {
        const name = text.slice(start + numbers[i], start + numbers[i] + numbers[i + 1]);
        mx.push(numbers[i + 2] === 1 ? "*." + name : name);
      }
    }
    const policy = { mode, maxAge: numbers[at + 3], mx };
    if (numbers[at + 2] === 0) return { ok: true, policy, problems: [], omitted: 0 };
    const { problems, omitted } = JSON.parse(problemsOf(body));
    return { ok: true, policy, problems, omitted };
  }

  function preparePolicy(body) {
    const raw = prepare(taken(body, "body"));
    return raw === undefined ? null : prepared(raw);
  }

  const prepared = (raw) => new PreparedPolicy(instance.hold(raw));

  return { api: { parsePolicy, parsePolicies, preparePolicy }, prepared };
}

function taken(body, what) {
  const given = octets(body, what);
  return given.length > ENOUGH ? given.subarray(0, ENOUGH) : given;
}

class PreparedPolicy {
  #handle;

  constructor(handle) {
    this.#handle = handle;
    Object.assign(this, JSON.parse(handle.call("describe")));
  }

  permits(host) {
    return this.#handle.call("permits", text(host, "host"));
  }

  matching(host) {
    return this.#handle.call("pattern", text(host, "host")) ?? null;
  }

  body() {
    return this.#handle.call("body");
  }

  free() {
    this.#handle.free();
  }
}

if (Symbol.dispose) PreparedPolicy.prototype[Symbol.dispose] = PreparedPolicy.prototype.free;
