// Hand-written; test/types/usage.ts uses all of it.
export * from "./driver.js";
export * from "./engine.js";

import type { DescribedPolicy, Octets, RecordFailure, TxtRecord, WasmSource } from "./engine.js";

/**
 * Fetches, compiles and starts the WASM; by default the one of this package. Further calls do nothing. In Node, Deno, Bun
 * and Workers it is done already when the package is imported.
 */
export function init(source?: WasmSource | Promise<WasmSource>): Promise<void>;

/** Reads the RRset of `_smtp._tls`; `rua` lists the destinations in their order. RFC 8460 §3. */
export function parseTlsrpt(records: readonly TxtRecord[]): { ok: true; rua: string[] } | RecordFailure;

/** Advice for the owner of a policy or record. */
export interface Finding {
  /** Such as `STS-P029`; never changes its meaning. */
  code: string;
  /** From a mere tip to mail that is refused. `OFF`: MTA-STS has no effect. */
  level: "TIP" | "INTEROP" | "RISK" | "OFF" | "BLOCK";
  /** The index of the record; 0 for policies. */
  record: number;
  /** In octets. Lines and columns begin at 1. */
  start: number;
  end: number;
  line: number;
  column: number;
  message: string;
  advice: string;
  /** The section of the RFC. */
  reference: string;
  /** What to put in the place of `start` to `end`. */
  fix: string | null;
}

export function lintPolicy(body: Octets): Finding[];
export function lintTxt(records: readonly TxtRecord[]): Finding[];
export function lintTlsrpt(records: readonly TxtRecord[]): Finding[];

/** A bigint where a number would be rounded. */
export type Count = number | bigint;

/** A report on TLS failures. RFC 8460 §4. */
export interface Report {
  organizationName: string | null;
  contactInfo: string | null;
  reportId: string | null;
  /** In seconds since 1970. */
  start: number;
  end: number;
  policies: {
    type: string;
    domain: string | null;
    strings: string[];
    mxHost: string[];
    successfulSessions: Count;
    failedSessions: Count;
    failureDetails: {
      resultType: string;
      failedSessions: Count;
      sendingMtaIp: string | null;
      receivingMxHostname: string | null;
      receivingMxHelo: string | null;
      receivingIp: string | null;
      additionalInformation: string | null;
      failureReasonCode: string | null;
    }[];
  }[];
}

/** Reads a report, plain JSON or gzip, of at most 32 MiB. */
export function parseReport(bytes: Octets): { ok: true; report: Report } | { ok: false; error: { message: string } };

/** What a cache entry holds. Times are in seconds since 1970. */
export interface EntryContents {
  domain: string;
  id: string | null;
  fetchedAt: number | null;
  checkedAt: number | null;
  expiresAt: number | null;
  refreshAt: number | null;
  /** It holds a policy that has not expired. */
  live: boolean;
  policy: DescribedPolicy | null;
}

/** Reads a cache entry; another domain's is none. `now` is in seconds since 1970. */
export function inspectEntry(
  entry: Uint8Array,
  domain: string,
  now?: number,
): ({ ok: true } & EntryContents) | { ok: false; error: { message: string } };

/** The body of the policy that an entry holds. */
export function entryBody(entry: Uint8Array, domain: string): Uint8Array | null;

/** A cache entry for a policy that was fetched by other means, for example by the program used before. */
export function importEntry(known: {
  domain: string;
  /** The id of the record for which it was fetched. RFC 8461 §3.1. */
  id: string;
  policy: Octets;
  fetchedAt: number;
  /** When the record was last seen. Default: `fetchedAt`. */
  checkedAt?: number;
}): Uint8Array;
