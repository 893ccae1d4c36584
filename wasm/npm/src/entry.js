import { fewOctets, fields, now as clock, octets, seconds, text } from "./arguments.js";
import { MtaStsError } from "./errors.js";

export function entryFunctions(glue, instance, domainOf, parsePolicy) {
  const inspect = instance.guard(glue.inspect_entry);
  const bodyOf = instance.guard(glue.entry_body);
  const make = instance.guard(glue.import_entry);

  function inspectEntry(entry, domain, now = clock()) {
    const given = fewOctets(entry, "entry");
    const { error, ...held } = JSON.parse(inspect(given, domainOf(domain), seconds(now, "now")));
    return error === undefined ? { ok: true, ...held } : { ok: false, error: { message: error } };
  }

  const entryBody = (entry, domain) => bodyOf(fewOctets(entry, "entry"), domainOf(domain)) ?? null;

  function importEntry(known) {
    const { domain, id, policy, fetchedAt, checkedAt = fetchedAt } = fields(known, "what is known");
    const name = domainOf(domain);
    const body = octets(policy, "policy");
    const times = [seconds(fetchedAt, "fetchedAt"), seconds(checkedAt, "checkedAt")];
    const parsed = parsePolicy(body);
    if (!parsed.ok) throw new MtaStsError("argument", `policy is not a valid one: ${parsed.error.message}`);
    const entry = make(name, text(id, "id"), body, ...times);
    if (entry === undefined) throw new MtaStsError("argument", "id must be 1 to 32 letters and digits (RFC 8461 §3.1)");
    return entry;
  }

  // The slim WASM may lack some of these.
  return {
    api: {
      inspectEntry: inspect && inspectEntry,
      entryBody: bodyOf && entryBody,
      importEntry: make && importEntry,
    },
  };
}
