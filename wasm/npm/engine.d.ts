/// <reference lib="esnext.disposable" />
// What `mta-sts` and `mta-sts/slim` have in common.

/**
 * Octets. Texts are taken as UTF-8; bodies and records should be octets as they came, since text APIs eat a byte order
 * mark. A detached buffer is an error with the code `detached`.
 */
export type Octets = Uint8Array | ArrayBuffer | string;

/** The mode of a policy. RFC 8461 §5. */
export type Mode = "enforce" | "testing" | "none";

/** A TXT record: its character-strings, or the one it has. */
export type TxtRecord = Octets | readonly Octets[];

export interface Policy {
  mode: Mode;
  /** How long it may be cached, in seconds; over the maximum of 31557600 it is cut to that. RFC 8461 §3.2. */
  maxAge: number;
  /** Patterns for MX hosts, as they were written. RFC 8461 §4.1. */
  mx: string[];
}

/** A policy with its lines in the order of the body, free of what another syntax (logs, reports) could trip over. */
export interface DescribedPolicy extends Policy {
  /** Absent from the slim build. */
  lines?: string[];
}

/** Something in a body that is wrong, or ignored. Offsets are octets; lines and columns begin at 1. */
export interface Problem {
  kind:
    | PolicyErrorKind
    | "bad-extension"
    | "blank-line"
    | "byte-order-mark"
    | "duplicate"
    | "leading-space"
    | "max-age-clamped"
    | "no-colon"
    | "space-before-colon"
    | (string & {});
  /** What is wrong with an `mx`, or which key stands there again. */
  detail: string | null;
  start: number;
  end: number;
  line: number;
  column: number;
}

export type PolicyErrorKind =
  | "bad-max-age"
  | "bad-mode"
  | "bad-mx"
  | "bad-version"
  | "no-max-age"
  | "no-mode"
  | "no-mx"
  | "no-version"
  | "too-large";

export interface PolicyError {
  kind: PolicyErrorKind | (string & {});
  /** In octets from the start. */
  at: number;
  line: number;
  column: number;
  message: string;
}

export type PolicyResult =
  | { ok: true; policy: Policy; problems: Problem[]; omitted: number }
  | { ok: false; error: PolicyError; problems: Problem[]; omitted: number };

/** Parses a policy body of at most 64 KiB. `omitted` says how many more problems there are. RFC 8461 §3.2. */
export function parsePolicy(body: Octets): PolicyResult;

/** The same for many bodies, in one call into WASM. */
export function parsePolicies(bodies: readonly Octets[]): PolicyResult[];

/** A valid policy in WASM memory, to match many hosts. Freed by `free`, by `using`, or when it is collected. */
export interface PreparedPolicy extends Readonly<DescribedPolicy> {
  /** Whether mail may go to this MX host. RFC 8461 §4.1. */
  permits(host: string): boolean;
  /** The pattern that permits the host. */
  matching(host: string): string | null;
  /** The body, octet by octet as it was served. */
  body(): Uint8Array;
  free(): void;
  [Symbol.dispose](): void;
}

/** The policy, or null if the body is not a valid one; `parsePolicy` says why. */
export function preparePolicy(body: Octets): PreparedPolicy | null;

export interface RecordFailure {
  ok: false;
  error: {
    kind: string;
    /** In octets from the start of the record; null if it is not at one place. */
    at: number | null;
    /** How many records there are, if that is the trouble. */
    count: number | null;
    message: string;
  };
}

/** Reads the RRset of `_mta-sts`: all TXT records of that name, in any order. RFC 8461 §3.1. */
export function parseTxt(records: readonly TxtRecord[]): { ok: true; id: string } | RecordFailure;

export interface MxMatch {
  match: boolean;
  why: "exact" | "wildcard" | "apex" | "below" | "depth" | "other-name" | "not-a-host" | "bad-pattern" | (string & {});
  /** How many labels stand where the wildcard has one. */
  labels?: number;
  /** What is wrong with the pattern or the host, and at which octet. */
  problem?: string;
  at?: number;
  message?: string;
}

/** Whether a pattern permits a host, and why. Host names are A-labels, as in DNS. RFC 8461 §4.1. */
export function matchMx(pattern: string, host: string): MxMatch;

export interface DomainNames {
  /** A-labels, lower case, without a final dot. */
  domain: string;
  txtName: string;
  policyHost: string;
  policyUrl: string;
}

export interface DomainError {
  kind: string;
  /** In octets from the start. */
  at: number;
  message: string;
}

/** The names that belong to a policy domain. U-labels are converted by the runtime's `URL`. RFC 8461 §3. */
export function checkDomain(name: string): ({ ok: true } & DomainNames) | { ok: false; error: DomainError };

export type Want =
  { want: "txt"; name: string } | { want: "https"; url: string; host: string; maxBody: number } | { want: "nothing" };

/** `deliver` for mail, `before-bounce` before a message is returned, `refresh` in the background. RFC 8461 §5.1, §10.2. */
export type Intent = "deliver" | "before-bounce" | "refresh";

export type FetchFailure =
  "certificate" | "connect" | "dns" | "http" | "incomplete" | "not-allowed" | "not-tried" | "timeout" | "tls";

export type Decision =
  { decision: "enforce" | "testing"; policy: DescribedPolicy } | { decision: "no-policy"; policy: null };

export interface Failure {
  kind: "back-off" | "dns-temporary" | "fetch" | "policy" | "record";
  detail: string | null;
  at: number | null;
  status: number | null;
  /** When a fetch may be tried again, in seconds since 1970. */
  until: number | null;
  message: string;
}

export type Outcome = Decision & {
  /** What `apply` will do to the cache. */
  cache: "keep" | "fetched" | "checked" | "failed";
  /** What could not be learnt. The decision stands all the same. */
  failure: Failure | null;
  /** What the failure is called in a TLSRPT report, if it belongs in one. RFC 8460 §4.3. */
  tlsrptResult: string | null;
  /** Before this time another lookup for a delivery is of no use; in seconds since 1970. */
  nextCheck: number;
  /** A refresh failed: tell the administrator that the policy in force ends in so many seconds. RFC 8461 §10.2. */
  alert: number | null;
  /** As far as MTA-STS goes, the message may be returned. RFC 8461 §5.1. */
  confirmsBounce: boolean;
};

export interface LookupOptions {
  /** What the cache holds for the domain. What does not decode is no entry. */
  entry?: Uint8Array | null;
  intent?: Intent;
  config?: {
    /** For how many seconds a live policy is used without asking DNS again. Default: 300. */
    recheckAfter?: number;
    /** How many seconds after a failed fetch the next may come. Default: 300. RFC 8461 §3.3. */
    backoff?: number;
    /** In octets. Default: 65536. RFC 8461 §3.3. */
    maxBody?: number;
  };
  /** In seconds since 1970. Default: now. */
  now?: number;
}

/**
 * One lookup, without IO: it says what it wants, the caller asks DNS or HTTPS and answers. An answer out of turn throws
 * `out-of-turn` and changes nothing. Times are in seconds since 1970. Freed by `free`, by `using`, or when collected.
 * ```js
 * const lookup = new Lookup("example.com", { entry });
 * for (let want; (want = lookup.want()).want !== "nothing"; ) {
 *   if (want.want === "txt") lookup.txt(await askDns(want.name));
 *   else lookup.httpsFailed("timeout");
 * }
 * const { decision } = lookup.outcome();
 * ```
 */
export class Lookup {
  /** Throws `domain` if the name is no policy domain. */
  constructor(domain: string, options?: LookupOptions);
  /** The policy domain: A-labels, lower case, without a final dot. */
  readonly domain: string;
  /** What must be done next. Asking twice gives the same. */
  want(): Want;
  /** All TXT records of the name. */
  txt(records: readonly TxtRecord[], now?: number): void;
  /** There are none: NXDOMAIN, or no data. */
  txtAbsent(now?: number): void;
  /** It is not known whether there are any: a time-out, SERVFAIL. */
  txtTempFail(now?: number): void;
  /** The head of the response, from a host whose certificate was checked. True if the body is wanted. RFC 8461 §3.3. */
  httpsHead(
    head: {
      status: number;
      contentType?: string | readonly string[] | null;
      contentEncoding?: string | readonly string[] | null;
    },
    now?: number,
  ): boolean;
  /** A piece of the body. True if more is wanted. */
  httpsBody(piece: Octets, now?: number): boolean;
  /** The body is complete: as long as announced, or ended by its framing. */
  httpsEnd(now?: number): void;
  /** The fetch failed. Redirects must not be followed: hand over the 3xx as it is. RFC 8461 §3.3. */
  httpsFailed(reason: FetchFailure, now?: number): void;
  /** What the live cached policy says, before any answer; null if there is none. */
  provisional(): Decision | null;
  /** Null before the end. */
  outcome(): Outcome | null;
  /** The policy of the decision, or of what is cached and live, to match hosts. */
  policy(): PreparedPolicy | null;
  /** What the cache must hold from now on; `current` is what it holds now, which may be newer than what this began with. */
  apply(current: Uint8Array | null | undefined, now?: number): Uint8Array | null;
  free(): void;
  [Symbol.dispose](): void;
}

/** The version of the engine. */
export function version(): string;

export type ErrorCode =
  "argument" | "detached" | "domain" | "freed" | "init" | "not-initialised" | "out-of-turn" | "trap";

/** What this package throws. Bad policies, records and reports are results instead. */
export class MtaStsError extends Error {
  constructor(code: ErrorCode, message: string, options?: ErrorOptions);
  readonly code: ErrorCode;
}

// Not every project has the types of the web; what it does not have is no choice there.
type Global<Name extends string> = typeof globalThis extends { [K in Name]: { prototype: infer T } } ? T : never;
type WasmModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer T } } } ? T : never;

/** The .wasm, compiled or as octets. */
export type WasmBinary = ArrayBuffer | Uint8Array | WasmModule;

/** The .wasm, or where it is, or a response with it. */
export type WasmSource = string | Global<"URL"> | Global<"Request"> | Global<"Response"> | WasmBinary;

/** Compiles and starts the WASM at once. Does nothing when that is done already. */
export function initSync(module: WasmBinary): void;
