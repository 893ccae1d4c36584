import type { Fetch, HttpsTransport } from "../../driver.js";

export interface PolicyFetchOptions {
  fetch?: Fetch;
  /** Whether `fetch` hides what other origins do not share (CORS). Default: as the runtime is known. */
  browser?: boolean;
  /** After a failure in a browser, ask once more to learn whether the host answers at all. Default: false. */
  weakOracle?: boolean;
  vantage?: string;
}

/**
 * The policy host itself, by `fetch`. In a browser it shows only hosts that send `Access-Control-Allow-Origin`. On a
 * server it connects wherever a name leads and leaves the certificate to the runtime, so in Node prefer
 * `mta-sts/transports/node`.
 */
export default function policyFetch(options?: PolicyFetchOptions): HttpsTransport;
