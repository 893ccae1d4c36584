import type { DnsTransport, Fetch } from "../../driver.js";

export interface DohOptions {
  /** URLs or RFC 8484 templates; asked all at once, and compared. Default: `RESOLVERS`. Each sees the queries. */
  resolvers?: string | readonly string[];
  /** For each resolver, in milliseconds. Default: 5000. */
  timeout?: number;
  fetch?: Fetch;
  vantage?: string;
}

/** Public resolvers that let web pages ask them. */
export const RESOLVERS: string[];

/** DNS over HTTPS (RFC 8484) in wire form, by GET. */
export default function doh(options?: DohOptions): DnsTransport;
