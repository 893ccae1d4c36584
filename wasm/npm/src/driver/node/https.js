import { once } from "node:events";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { join } from "../http.js";
import { messageOf, observe } from "../observation.js";
import { reasonOf } from "../reason.js";
import { certificateFacts, names } from "./certificate.js";
import { guard } from "./guard.js";
import { resolverOf } from "./dns.js";
import { Wire } from "./wire.js";

/** The policy host as a mail server asks it: no redirects, no coding, the certificate judged by RFC 8461 §3.3. */
export function nodeHttps(options = {}) {
  const allows = guard(options.allowNets);
  return {
    kind: "https",
    name: "node-https",
    capabilities: ["status", "redirect", "content-type", "content-encoding", "certificate", "failures"],
    async run(request, { signal, maxBody }) {
      const looked = observe("https", "node-https", request, options.vantage);
      const fetch = new Fetch(request, options, maxBody);
      const stop = () => fetch.close();
      signal.addEventListener("abort", stop);
      try {
        return looked.seen(await fetch.run(await addresses(request.host, options, allows, signal)), fetch.facts());
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (error instanceof Blind) return looked.blind("network", error.message);
        const { why, message } = error instanceof Failed ? error : failed(error);
        return looked.failed(why, message, fetch.facts());
      } finally {
        signal.removeEventListener("abort", stop);
        fetch.close();
      }
    },
  };
}

/** A failure with one of the machine's reasons. */
class Failed extends Error {
  constructor(why, message) {
    super(message);
    this.why = why;
  }
}

/** Our own name servers cannot be reached, which says nothing about the policy host. */
class Blind extends Error {}

const ANSWERED = ["ENODATA", "ENOTFOUND", "ESERVFAIL", "EREFUSED", "EFORMERR", "ENOTIMP", "EBADRESP", "ETIMEOUT"];

function failed(error, otherwise = "connect") {
  const { reason, code } = reasonOf(error);
  return new Failed(reason ?? otherwise, code ?? messageOf(error));
}

/** The addresses that may be connected to; Node connects to no others, so that no second answer can slip in. */
async function addresses(host, options, allows, signal) {
  const found = await (options.lookup ? lookUp(options.lookup, host) : resolve(host, options, signal));
  signal.throwIfAborted();
  const allowed = found.filter(({ address }) => allows(address));
  if (found.length === 0) throw new Failed("dns", `${host} has no address`);
  if (allowed.length === 0) throw new Failed("not-allowed", `${host} has no address that is global`);
  return allowed;
}

async function resolve(host, options, signal) {
  const resolver = resolverOf(options);
  const cancel = () => resolver.cancel();
  signal.addEventListener("abort", cancel);
  try {
    const answers = await Promise.allSettled([resolver.resolve6(`${host}.`), resolver.resolve4(`${host}.`)]);
    const lost = answers.find(({ reason }) => reason && !ANSWERED.includes(reason.code));
    if (lost && !answers.some(({ value }) => value)) throw new Blind(messageOf(lost.reason));
    const family = [6, 4];
    return answers.flatMap(({ value = [] }, n) => value.map((address) => ({ address, family: family[n] })));
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function lookUp(lookup, host) {
  return new Promise((resolve, reject) => {
    const given = (address, family) => (Array.isArray(address) ? address : [{ address, family }]);
    const answer = (error, ...found) =>
      error ? reject(new Failed("dns", messageOf(error))) : resolve(given(...found));
    lookup(host, { all: true }, answer);
  });
}

class Fetch {
  #request;
  #options;
  #maxBody;
  #sockets = [];
  #tls;
  #facts;
  #isCut = false;
  #closed = false;

  constructor(request, options, maxBody) {
    this.#request = request;
    this.#options = options;
    this.#maxBody = maxBody;
  }

  async run(addresses) {
    const tcp = await this.#connect(addresses);
    await this.#handshake(tcp);
    return this.#exchange();
  }

  async #connect(addresses) {
    const { httpsPort: port = 443 } = this.#options;
    const { host } = this.#request;
    const lookup = (_, { all }, done) =>
      all ? done(null, addresses) : done(null, addresses[0].address, addresses[0].family);
    // An attempt that gets no answer must leave time for the others.
    const family = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 2000 };
    const tcp = this.#open(net.connect({ host, port, lookup, allowHalfOpen: true, ...family }));
    await once(tcp, "connect");
    return tcp;
  }

  async #handshake(tcp) {
    const { ca } = this.#options;
    const { host } = this.#request;
    const wire = this.#open(new Wire(tcp, () => this.#cut()));
    wire.on("error", (error) => this.#tls.destroy(error));
    // Judged below, so that the facts of a certificate that is refused can be told.
    const judged = { rejectUnauthorized: false, checkServerIdentity: names };
    const init = { socket: wire, servername: host, minVersion: "TLSv1.2", ALPNProtocols: ["http/1.1"], ...judged };
    this.#tls = this.#open(tls.connect({ ...init, ...(ca && { ca }) }));
    try {
      await once(this.#tls, "secureConnect");
    } catch (error) {
      throw new Failed("tls", reasonOf(error).code ?? messageOf(error));
    }
    this.#facts = certificateFacts(this.#tls);
    const { authorized, authorizationError } = this.#tls;
    if (!authorized) throw new Failed("certificate", String(authorizationError?.code ?? authorizationError));
  }

  /** TCP ended without TLS's end. */
  #cut() {
    if (this.#tls?.readableEnded) return;
    this.#isCut = true;
    this.#tls?.destroy(new Error("the connection ended without close_notify"));
  }

  #exchange() {
    const { url, host } = this.#request;
    const { httpsPort: port = 443 } = this.#options;
    const headers = { accept: "text/plain", "accept-encoding": "identity", connection: "close" };
    const init = { host, port, path: new URL(url).pathname, headers, createConnection: () => this.#tls };
    return new Promise((resolve, reject) => {
      const request = this.#open(https.request(init));
      let head;
      const fail = (error) => reject(head || this.#isCut ? cut() : failed(error, "http"));
      request.on("error", fail);
      request.on("response", (response) => {
        head = headOf(response);
        // RFC 8461 §3.3: any other status is a failure, whatever its body.
        if (head.status !== 200) return resolve({ ...head, body: new Uint8Array(), complete: true });
        const whole = (body) => (this.#isCut || !response.complete ? reject(cut()) : resolve({ ...head, ...body }));
        const full = (body) => resolve({ ...head, ...body });
        response.on("error", () => reject(cut()));
        response.on("close", () => reject(cut()));
        collect(response, this.#maxBody, whole, full);
      });
      request.on("close", () => fail(new Error("the connection was closed")));
      request.end();
    });
  }

  /** What is known of TLS, for the observation. */
  facts() {
    return this.#facts ? { tls: this.#facts } : {};
  }

  /** So that `close` finds it. Errors after the end are of no interest. */
  #open(stream) {
    stream.on("error", () => {});
    this.#sockets.push(stream);
    if (this.#closed) stream.destroy(new Error("the fetch was ended"));
    return stream;
  }

  close() {
    this.#closed = true;
    // With an error, so that whoever waits for the stream is told.
    for (const stream of this.#sockets.splice(0).reverse()) stream.destroy(new Error("the fetch was ended"));
  }
}

const cut = () => new Failed("incomplete", "the body broke off");

/** Takes the body as it comes: held back, it could still be on its way when the connection is found cut. */
function collect(response, max, whole, full) {
  const pieces = [];
  let length = 0;
  response.on("data", (piece) => {
    pieces.push(piece);
    length += piece.length;
    if (length > max) full({ body: join(pieces, max + 1), tooLarge: true, complete: false });
  });
  response.on("end", () => whole({ body: join(pieces, length), tooLarge: false, complete: true }));
}

function headOf({ statusCode: status, rawHeaders }) {
  const headers = [];
  for (let n = 0; n < rawHeaders.length; n += 2) headers.push([rawHeaders[n], rawHeaders[n + 1]]);
  const fields = (name) => headers.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
  const redirect = status >= 300 && status < 400;
  return {
    status,
    redirect,
    headers,
    contentType: fields("content-type"),
    contentEncoding: fields("content-encoding"),
  };
}
