import type { CertificateFacts, Fetch, HttpsTransport, ProxyFailure } from "../../driver.js";

export interface ProxyOptions {
  /** The proxy's URL with `{url}` in it, as `/api/fetch?u={url}`. */
  template: string;
  /** Header fields for the proxy, such as a key. */
  headers?: Record<string, string>;
  fetch?: Fetch;
  vantage?: string;
}

/** What the proxy had better answer, as `application/json` with status 200. */
export type ProxyAnswer =
  | {
      /** The policy host's, of a redirect too: a proxy must follow none. */
      status: number;
      headers: [name: string, value: string][];
      bodyBase64?: string;
      /** False if the body broke off. Default: true. */
      complete?: boolean;
      tls?: CertificateFacts;
    }
  | ProxyFailure;

/**
 * The policy through a proxy. Besides `ProxyAnswer` it may pass on the policy host's `text/plain` body with its status;
 * anything else is the proxy's failure, and says nothing about the domain.
 */
export default function proxy(options: ProxyOptions): HttpsTransport;
