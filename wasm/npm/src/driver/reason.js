// Node's codes come from OpenSSL, libuv, c-ares, llhttp and undici; Bun has names of its own.
const BY_CODE = [
  [
    /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH)/,
    "certificate",
  ],
  [/^(ERR_TLS_CERT_|CRL_|ERROR_IN_CERT|ERR_SSL_TLSV1_ALERT_UNKNOWN_CA|UNKNOWN_CERTIFICATE)/, "certificate"],
  [/^(ENOTFOUND|ENODATA|EAI_|ESERVFAIL|EREFUSED|DNS)/, "dns"],
  [/^(ETIMEDOUT|ETIMEOUT|UND_ERR_\w*TIMEOUT|ConnectTimeout|Timeout)/, "timeout"],
  [/^(EPROTO|ERR_SSL|ERR_TLS)/, "tls"],
  [/^(HPE_|UND_ERR_(HEADERS|RESPONSE|INVALID)|ERR_HTTP|Malformed|InvalidHTTP)/, "http"],
  [/^(ECONN|EHOST|ENET|EADDRNOTAVAIL|EPIPE|UND_ERR_SOCKET|Connection|FailedToOpenSocket)/, "connect"],
];

// Deno has no codes, only rustls' and hyper's words. workerd has not even these.
const BY_WORDS = [
  [/peer certificate/, "certificate"],
  [/dns error|lookup address/, "dns"],
  [/timed? ?out/, "timeout"],
  [/fatal alert|corrupt message|tls|handshake/i, "tls"],
  [/invalid HTTP/, "http"],
  [/tcp connect|[Cc]onnection (refused|reset|closed)|unreachable/, "connect"],
];

/** Why a fetch failed, where errors tell; no `reason` where they do not. */
export function reasonOf(error) {
  const code = codeOf(error);
  const words = [error?.message, error?.cause?.message].filter(Boolean).join(": ");
  const [known, text] = code ? [BY_CODE, code] : [BY_WORDS, words];
  return { code, words, reason: known.find(([pattern]) => pattern.test(text))?.[1] };
}

/** The code of the error itself or of what caused it; of many attempts to connect, the last. */
function codeOf(error, depth = 4) {
  if (typeof error !== "object" || error === null || depth === 0) return undefined;
  const { code, errors, cause } = error;
  if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[errors.length - 1], depth - 1);
  return codeOf(cause, depth - 1) ?? (typeof code === "string" ? code : undefined);
}
