// For Node, Bun and Deno: the package, and lookups by the name server and by DNS over HTTPS.
import * as mtaSts from "mta-sts";
import memory from "mta-sts/stores/memory";
import doh from "mta-sts/transports/doh";
import node, { nodeHttps } from "mta-sts/transports/node";
import { exerciseAll, lookUp } from "./exercise.mjs";
import lab from "./lab.json" with { type: "json" };

const settings = { servers: lab.dns, ca: lab.ca_pem, httpsPort: lab.https_port, allowNets: ["127.0.0.0/8"] };
const did = [exerciseAll(mtaSts)];
await mtaSts.init();
did.push(`${await lookUp(mtaSts, lab, () => node(settings))} by DNS`);
did.push(`${await lookUp(mtaSts, lab, () => [doh({ resolvers: lab.doh }), nodeHttps(settings)])} by DoH`);
const store = memory();
await mtaSts.resolve("enforce.test", { store, transports: node(settings) });
const { source } = await mtaSts.resolve("enforce.test", { store });
if (source !== "cache") throw new Error(`the cache was not used but ${source}`);
console.log([...did, "cache"].join(", "));
