import { createSocket } from "node:dgram";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { decode, encode } from "@dnsquery/dns-packet";

const closing = (server, url) => ({
  url,
  port: server.address().port,
  async close() {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  },
});

/** A plain HTTP server on loopback. */
export async function httpServer(handler) {
  const server = http.createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  return closing(server, `http://127.0.0.1:${server.address().port}`);
}

/** An HTTPS server on loopback. */
export async function httpsServer(tls, handler) {
  const server = https.createServer(tls, handler).listen(0, "127.0.0.1");
  server.on("tlsClientError", () => {});
  await once(server, "listening");
  return closing(server, `https://127.0.0.1:${server.address().port}`);
}

/** DNS over HTTPS (here: HTTP) on loopback. `answer(question)` gives the parts of a message, or octets as they are. */
export function dohServer(answer) {
  return httpServer(async (request, response) => {
    const query = decode(
      new Uint8Array(Buffer.from(new URL(request.url, "http://x").searchParams.get("dns"), "base64url")),
    );
    const parts = await answer(query.questions[0], response, query);
    if (parts === undefined) return;
    response.writeHead(200, { "content-type": "application/dns-message" });
    response.end(parts instanceof Uint8Array ? parts : message(query, parts));
  });
}

/** A DNS message that answers a query. */
export function message({ id, questions }, { rcode = 0, answers = [], ...rest }) {
  return encode({ type: "response", id, flags: 0x180 | rcode, questions, answers, ...rest });
}

export const txt = (name, ...strings) => ({ name, type: "TXT", class: "IN", ttl: 0, data: strings });

/** A name server on loopback, over UDP; `answer` as in `dohServer`, and silence for null. */
export async function udpServer(answer) {
  const socket = createSocket("udp4");
  socket.on("message", async (octets, from) => {
    const query = decode(new Uint8Array(octets));
    const parts = await answer(query.questions[0]);
    if (parts === null) return;
    socket.send(message(query, parts), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  return { address: `127.0.0.1:${port}`, port, close: () => new Promise((closed) => socket.close(closed)) };
}

/** Passes DoH queries on to a name server over UDP. */
export function dohBefore(server) {
  const [host, port] = server.split(":");
  return dohServer(async (_, response, query) => {
    const socket = createSocket("udp4");
    socket.send(encode(query), Number(port), host);
    const timer = setTimeout(() => socket.close(), 2000);
    const [answer] = await Promise.race([once(socket, "message"), once(socket, "close").then(() => [])]);
    clearTimeout(timer);
    if (!answer) return void response.writeHead(504).end();
    socket.close();
    return new Uint8Array(answer);
  });
}
