// Times the policy parser of the npm package mailauth, as src/peer.rs asks for it.
// Argument: the folder that install.sh filled.
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.argv[2], "npm", "package.json"));
const { parsePolicy } = require("mailauth/lib/mta-sts.js");
const { version } = require("mailauth/package.json");

const BATCH = 256;
let policy;

function parseFor(ms) {
  const start = process.hrtime.bigint();
  const end = start + BigInt(ms) * 1_000_000n;
  let done = 0;
  let now;
  do {
    for (let i = 0; i < BATCH; i++) parsePolicy(policy);
    done += BATCH;
    now = process.hrtime.bigint();
  } while (now < end);
  return Number(now - start) / done;
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  let answer;
  if (order.policy !== undefined) {
    // As text, which is faster for it than the Buffer that it gets in use.
    policy = order.policy;
    const { mode, mx } = parsePolicy(policy);
    parseFor(500); // warm-up: the compiler has settled by then
    answer = { mode, mx: mx.length, version, runtime: `Node ${process.versions.node}` };
  } else {
    answer = { ns: parseFor(order.ms) };
  }
  console.log(JSON.stringify(answer));
}
