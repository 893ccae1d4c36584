import { X509Certificate } from "node:crypto";

// RFC 8461 §3.3, RFC 6125: a dNSName that is the host or has a wildcard as its whole left-most label; never the CN.
const RULES = { subject: "never", wildcards: true, partialWildcards: false, multiLabelWildcards: false };

/** For `checkServerIdentity`: whether the certificate names the host. */
export function names(host, { raw }) {
  if (raw && new X509Certificate(raw).checkHost(host, RULES)) return undefined;
  return Object.assign(new Error("the certificate does not name the policy host"), {
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
}

/** What a TLS connection's certificate says, as plain data; nothing before there is one. */
export function certificateFacts(socket) {
  const certificate = socket.getPeerX509Certificate?.();
  if (!certificate) return undefined;
  const { subjectAltName, subject, issuer, validFrom, validTo, fingerprint256 } = certificate;
  const { authorized, authorizationError } = socket;
  return {
    protocol: socket.getProtocol(),
    subjectAltNames: subjectAltName?.split(", ") ?? [],
    subject,
    issuer,
    validFrom: new Date(validFrom).toISOString(),
    validTo: new Date(validTo).toISOString(),
    fingerprint256,
    authorized,
    ...(!authorized && { authorizationError: String(authorizationError?.code ?? authorizationError) }),
  };
}
