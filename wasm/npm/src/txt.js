import { rrset } from "./arguments.js";

export function txtFunctions(glue, instance) {
  const parser = (f) => {
    const parse = instance.guard(f);
    return parse && ((records) => result(JSON.parse(parse(rrset(records)))));
  };
  return { api: { parseTxt: parser(glue.parse_txt), parseTlsrpt: parser(glue.parse_tlsrpt) } };
}

function result({ error, at, count, message, ...record }) {
  return error === undefined ? { ok: true, ...record } : { ok: false, error: { kind: error, at, count, message } };
}
