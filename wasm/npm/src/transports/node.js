import { nodeDns } from "../driver/node/dns.js";
import { nodeHttps } from "../driver/node/https.js";

/** DNS and HTTPS as a mail server does them, by Node's own modules. */
export default function node(options = {}) {
  return [nodeDns(options), nodeHttps(options)];
}

export { nodeDns, nodeHttps };
