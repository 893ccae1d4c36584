import { text } from "./arguments.js";
import { MtaStsError } from "./errors.js";
import { toAscii } from "./idna.js";

const NO_A_LABELS = {
  kind: "idna",
  at: 0,
  message:
    "an internationalised label is not valid (UTS 46), or this runtime has no URL to convert it; give A-labels (xn--…)",
};

export function nameFunctions(glue, instance) {
  const check = instance.guard(glue.check_domain);
  const match = instance.guard(glue.match_mx);

  function checkDomain(name) {
    const ascii = toAscii(text(name, "the domain"));
    if (ascii === undefined) return { ok: false, error: { ...NO_A_LABELS } };
    const { problem, at, message, ...names } = JSON.parse(check(ascii));
    return problem === undefined ? { ok: true, ...names } : { ok: false, error: { kind: problem, at, message } };
  }

  /** The normal form of a domain, or an error. */
  function domainOf(name) {
    const checked = checkDomain(name);
    if (checked.ok) return checked.domain;
    throw new MtaStsError("domain", `the name is no policy domain: ${checked.error.message}`);
  }

  const matchMx = (pattern, host) => JSON.parse(match(text(pattern, "pattern"), text(host, "host")));

  return { api: { checkDomain, matchMx }, domainOf };
}
