// The fetch driver: looks a domain up over transports that can be replaced.

import type { DescribedPolicy, FetchFailure, Intent, LookupOptions, Outcome } from "./engine.js";

// Not every project has the types of the web.
type Web<Name extends string> = typeof globalThis extends { [K in Name]: { prototype: infer T } } ? T : never;
type Signal = Web<"AbortSignal">;

/** A function like the global `fetch`. */
export type Fetch = (url: string, init?: any) => Promise<any>;

/** What is asked of a `dns` transport: the TXT records of `name`, an absolute name with its final dot. */
export interface DnsRequest {
  name: string;
}

/** What is asked of an `https` transport: GET `url`. RFC 8461 §3.3. */
export interface HttpsRequest {
  url: string;
  /** The policy host, which the certificate must name. */
  host: string;
  /** More octets of body than this are of no use. */
  maxBody: number;
}

/** The TXT RRset of a name, CNAMEs followed. RFC 8461 §3.1. */
export interface DnsAnswer {
  /** `absent` is NXDOMAIN or an empty answer; that nothing could be learnt is an error instead. */
  status: "records" | "absent";
  /** For each record its character-strings. */
  records: Uint8Array[][];
  rcode?: string;
  /** The name, and those that CNAME records lead to. */
  chain?: string[];
}

/** The response of a policy host. */
export interface HttpsExchange {
  /** The final status code. Redirects are not followed. */
  status: number;
  /** False if the runtime hides which redirect it was; `status` is then 302. */
  statusExact?: boolean;
  /** A redirect was seen. */
  redirect?: boolean;
  /** True if nothing was seen of the status: the body was given by hand. */
  assumed?: boolean;
  /** The values of all Content-Type fields. */
  contentType: string[];
  /** The values of all Content-Encoding fields; none where the runtime asks for codings of its own. */
  contentEncoding: string[];
  /** Whether the runtime undid a coding before it gave the body. Browsers do not tell. */
  decodedByRuntime?: boolean | "not known";
  /** All header fields, as they came. */
  headers?: [name: string, value: string][];
  /** Empty unless the status is 200; of one over the limit, one octet more than the limit. */
  body: Uint8Array;
  tooLarge?: boolean;
  /** Whether the body is known to be whole: by its length, its last chunk, END_STREAM or close_notify. */
  complete?: boolean;
}

/** What the policy host's certificate says. */
export interface CertificateFacts {
  protocol?: string | null;
  /** As OpenSSL writes them: `DNS:mta-sts.example.com`. */
  subjectAltNames?: string[];
  subject?: string;
  issuer?: string;
  /** RFC 3339. */
  validFrom?: string;
  /** RFC 3339. */
  validTo?: string;
  fingerprint256?: string;
  /** Whether it is valid for the policy host. */
  authorized?: boolean;
  authorizationError?: string;
}

/** How a proxy tells that the fetch failed; a code that is no `FetchFailure` speaks of the proxy itself. */
export interface ProxyFailure {
  error: { code: FetchFailure | (string & {}); message?: string };
  tls?: CertificateFacts;
}

/**
 * Why there is no value. Not blind: this vantage point saw it fail, as a mail server would (for `https` the code is a
 * `FetchFailure`). Blind: it could not look, and nothing follows about the domain.
 */
export interface ObservationError {
  code: FetchFailure | UnknownReason | "servfail" | "refused" | (string & {});
  message: string;
  blind: boolean;
}

interface Observed<Kind extends string, Request, Value> {
  kind: Kind;
  /** Who saw it: `doh`, `fetch`, `proxy`, `paste`, `file`, `node-dns`, `node-https`, or a name of your own. */
  source: string;
  request: Request;
  /** When it was asked; RFC 3339. */
  at: string;
  /** How long it took. */
  ms: number;
  /** Whether octets are as they were sent: pasted text has lost some, a runtime may have decoded them. */
  bytesExact: boolean;
  /** From where, if the transport was told. */
  vantage?: string;
  value?: Value;
  error?: ObservationError;
  /** Remarks in words. */
  notes?: string[];
  /** If a certificate was seen, be it that the fetch failed by it. */
  tls?: CertificateFacts;
}

/** What one transport saw of DNS. Plain data but for its octets; `evidenceToJSON` makes these base64. */
export interface DnsObservation extends Observed<"dns", DnsRequest, DnsAnswer> {
  /** What each of several resolvers answered. */
  answers?: DnsObservation[];
}

/** What one transport saw of the policy host. */
export interface HttpsObservation extends Observed<"https", Partial<HttpsRequest> & { url: string }, HttpsExchange> {
  /** Weak evidence of a browser: whether the host answered anything at all over HTTPS. */
  reachable?: boolean;
}

export type Observation = DnsObservation | HttpsObservation;

export interface TransportContext {
  /** Aborted when the answer is of no use any more; whatever is open must be closed then. */
  signal: Signal;
  /** For `https`: as in the request. */
  maxBody?: number;
  /** After so many milliseconds the driver stops waiting. */
  ms: number;
}

interface AnyTransport<Kind extends string, Request, Observation> {
  kind: Kind;
  name: string;
  /**
   * What it can tell. The driver reads two: with `failures` a time-out is the host's, without it a blind spot; what is
   * `supplied` (pasted, recorded) decides this lookup and never enters the cache.
   */
  capabilities?: readonly string[];
  /** How many queries of the budget a run costs. Default: 1. */
  queries?: number;
  /** A rejection counts as a blind spot. */
  run(request: Request, context: TransportContext): Promise<Observation>;
}

export type DnsTransport = AnyTransport<"dns", DnsRequest, DnsObservation>;
export type HttpsTransport = AnyTransport<"https", HttpsRequest, HttpsObservation>;
export type Transport = DnsTransport | HttpsTransport;

/** A transport, or a list as the factories of `mta-sts/transports/…` give them. */
export type Transports = Transport | readonly Transports[];

/**
 * Where cache entries are kept, by domain: octets, made by the core. A store that fails, is slow or holds nonsense is an
 * unreadable cache, which the result says; it never fails a lookup.
 */
export interface Store {
  /** The entry, or null. */
  get(domain: string): Promise<Uint8Array | null | undefined>;
  /**
   * Replaces the entry by what `change` makes of the present one; null removes it. Nothing else may write in between.
   * `change` is synchronous.
   */
  update(domain: string, change: (current: Uint8Array | null) => Uint8Array | null): Promise<unknown>;
}

export interface ResolveOptions {
  /** Those of one kind are asked in order, until one answers or really sees a failure. None: nothing can be seen. */
  transports?: Transports;
  /** Without one there is no cache; the result's `entry` can be kept elsewhere. */
  store?: Store | null;
  /** Ends the lookup at any point: `resolve` rejects with its reason. */
  signal?: Signal | null;
  /** The time in seconds since 1970, or what gives it. Default: the clock. */
  now?: number | (() => number);
  /** Why the domain is looked up. Default: `deliver`. */
  intent?: Intent;
  config?: LookupOptions["config"];
  /** Over it, what was not asked yet is unknown. Default: 20 queries, 20000 ms. */
  budget?: { queries?: number; ms?: number };
  /** In milliseconds, for one run of a transport or one use of the store. Default: 8000, 10000, 2000. */
  timeouts?: { txt?: number; https?: number; store?: number };
}

/**
 * Why something could not be seen. `hidden`: a browser does not show it (CORS); `disagree`: resolvers gave different
 * records; `missing`: recorded evidence does not hold it; `entry`, `store-read`, `store-write`: the cache.
 */
export type UnknownReason =
  | "budget"
  | "disagree"
  | "entry"
  | "hidden"
  | "http"
  | "malformed"
  | "missing"
  | "network"
  | "no-transport"
  | "proxy"
  | "store-read"
  | "store-write"
  | "timeout"
  | "transport";

/** A blind spot of this lookup; it is no finding about the domain. */
export interface Unknown {
  what: "txt" | "policy" | "cache";
  reason: UnknownReason | (string & {});
  message: string;
  /** Ways to make it known, in words. */
  howToSupply: string[];
}

/** `unknown`: without what could not be seen, "no policy" would be a guess; the policy is null. */
export type ResolvedDecision = "enforce" | "testing" | "no-policy" | "unknown";

export interface Result {
  /** A-labels, lower case, without a final dot. */
  domain: string;
  decision: ResolvedDecision;
  policy: DescribedPolicy | null;
  /** What the decision rests on: `cache`, or the source of an observation. */
  source: string | null;
  /** The machine's outcome: what a mail server does with no more than was seen here. RFC 8461 §5. */
  outcome: Outcome;
  /** The cache entry after this lookup, for those who keep it themselves. */
  entry: Uint8Array | null;
  /** All that was seen, in order. */
  evidence: Observation[];
  /** All that could not be seen. */
  unknown: Unknown[];
}

export type StepEvent =
  | { type: "want"; want: ({ want: "txt" } & DnsRequest) | ({ want: "https" } & HttpsRequest) }
  | { type: "observation"; observation: Observation }
  | { type: "unknown"; unknown: Unknown }
  /** A provisional one is that of the live cached policy, before anything was asked. */
  | {
      type: "decision";
      provisional: boolean;
      decision: ResolvedDecision;
      policy: DescribedPolicy | null;
      source: string | null;
    }
  | { type: "done"; result: Result };

/**
 * Looks a domain up: DNS, the policy, the cache. What cannot be seen is `unknown`, never "no policy". Rejects with an
 * `MtaStsError` for wrong arguments and with the signal's reason after an abort, and for nothing else that
 * transports and stores do.
 * ```js
 * import doh from "mta-sts/transports/doh";
 * import policyFetch from "mta-sts/transports/fetch";
 * const { decision, unknown } = await resolve("example.com", { transports: [doh(), policyFetch()] });
 * ```
 */
export function resolve(domain: string, options?: ResolveOptions): Promise<Result>;

/** The same, step by step, as it happens. `return()` and leaving a `for await` abort what is under way. */
export function steps(domain: string, options?: ResolveOptions): AsyncIterableIterator<StepEvent>;
