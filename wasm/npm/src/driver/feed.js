/** Hands the machine what was seen, and no more than that. */
export function feed(lookup, want, observation, now) {
  if (want.want === "txt") feedTxt(lookup, observation, now);
  else feedHttps(lookup, observation, now);
}

function feedTxt(lookup, { value }, now) {
  if (!value) lookup.txtTempFail(now());
  else if (value.status === "absent") lookup.txtAbsent(now());
  else lookup.txt(value.records, now());
}

function feedHttps(lookup, { value, error }, now) {
  // A blind spot of ours says nothing about the policy host: no back-off, no failed fetch in the cache.
  if (!value) return lookup.httpsFailed(error.blind ? "not-tried" : error.code, now());
  const { status, contentType, contentEncoding, body, complete } = value;
  if (!lookup.httpsHead({ status, contentType, contentEncoding }, now())) return;
  if (!lookup.httpsBody(body, now())) return;
  // RFC 8461 §3.3: what is not known to be whole is not parsed.
  if (complete === false) lookup.httpsFailed("incomplete", now());
  else lookup.httpsEnd(now());
}
