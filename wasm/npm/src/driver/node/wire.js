import { Duplex } from "node:stream";

/**
 * A TCP connection for TLS to run over, that never tells TLS of TCP's end: then a TLS stream ends only by close_notify.
 * Node shows both ends alike, and a body cut by whoever may end a TCP connection would pass for a whole one.
 */
export class Wire extends Duplex {
  #tcp;

  /** `onCut` is called when TCP has ended and TLS, having had time to read all, has not. */
  constructor(tcp, onCut) {
    super();
    this.#tcp = tcp;
    tcp.on("data", (octets) => this.push(octets) || tcp.pause());
    tcp.on("end", () => this.#whenRead(onCut));
    tcp.on("error", (error) => this.destroy(error));
    tcp.on("close", () => this.#whenRead(() => this.destroy()));
  }

  #whenRead(then) {
    if (this.destroyed) return;
    if (this.readableLength > 0) setImmediate(() => this.#whenRead(then));
    else setImmediate(() => setImmediate(then));
  }

  _read() {
    this.#tcp.resume();
  }

  _write(octets, encoding, done) {
    this.#tcp.write(octets, done);
  }

  _final(done) {
    this.#tcp.end(done);
  }

  _destroy(error, done) {
    this.#tcp.destroy();
    done(error);
  }
}
