import type { DnsTransport, HttpsTransport, Transport } from "../../driver.js";

export interface NodeDnsOptions {
  /** Name servers, as `192.0.2.53` or `192.0.2.53:5353`. Default: those of the system. */
  servers?: string | readonly string[];
  /** For the first try of each server, in milliseconds; further ones wait longer. Default: 1500. */
  dnsTimeout?: number;
  /** Default: 2. */
  dnsTries?: number;
  vantage?: string;
}

export interface NodeHttpsOptions extends NodeDnsOptions {
  /** Trust anchors in PEM, in place of Node's. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Default: 443. */
  httpsPort?: number;
  /** Finds the policy host's addresses in place of the name servers, as `dns.lookup` does. */
  lookup?: (
    host: string,
    options: { all: true },
    done: (error: Error | null, found: string | { address: string; family: number }[], family?: number) => void,
  ) => void;
  /** Nets to allow besides global addresses, as `127.0.0.0/8`. Default: none. */
  allowNets?: readonly string[];
}

/** DNS and HTTPS as a mail server does them. */
export default function node(options?: NodeHttpsOptions): Transport[];

/** TXT records, by `node:dns`: absolute names, no search list, no hosts file. */
export function nodeDns(options?: NodeDnsOptions): DnsTransport;

/** The policy host, by `node:tls` and `node:https`, with the certificate's facts; connects to global addresses only. */
export function nodeHttps(options?: NodeHttpsOptions): HttpsTransport;
