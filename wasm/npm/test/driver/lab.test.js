import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { resolve } from "../../src/node.js";
import doh from "../../src/transports/doh.js";
import node, { nodeHttps } from "../../src/transports/node.js";
import { dohBefore } from "./servers.js";

// The command `mta-sts`, as `tests/run` builds it or as the environment says.
const built = ["release", "debug"].map((profile) =>
  fileURLToPath(new URL(`../../../../target/${profile}/mta-sts`, import.meta.url)),
);
const command = process.env.MTA_STS_BIN ?? built.find(existsSync);
const skip = command
  ? false
  : "there is no mta-sts command: build it with `cargo build --release -p mta-sts-cli`, or set MTA_STS_BIN";

const DECISION = { enforce: "enforce", testing: "testing", "no policy": "no-policy" };

/** The lab's word for a failure. */
function failureOf(failure) {
  if (!failure) return "";
  const { kind, detail, status } = failure;
  if (kind === "record") return "bad record";
  if (kind === "policy") return "invalid policy";
  if (kind === "dns-temporary") return "DNS";
  const words = {
    connect: "no connection",
    dns: "no address",
    "media-type": "media type",
    "not-allowed": "address not allowed",
    timeout: "time-out",
    tls: "TLS",
    "too-large": "too large",
  };
  return detail === "status" ? `status ${status}` : (words[detail] ?? detail);
}

test("every domain of the lab is decided as the lab expects", { skip }, async (t) => {
  const lab = spawn(command, ["lab", "--serve", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => lab.kill());
  let text = "";
  for await (const piece of lab.stdout) if ((text += piece).endsWith("\n")) break;
  const { dns, https_port: httpsPort, ca_pem: ca, domains } = JSON.parse(text);
  assert.ok(domains.length > 60);

  const settings = { servers: dns, ca, httpsPort, allowNets: ["127.0.0.0/8", "::1"] };
  const timeouts = { txt: 5000, https: 5000 };
  const bridge = await dohBefore(dns);
  t.after(() => bridge.close());
  const ways = {
    node: () => node(settings),
    doh: () => [doh({ resolvers: bridge.url, timeout: 4000 }), nodeHttps(settings)],
  };
  for (const [way, transports] of Object.entries(ways)) {
    await t.test(`by ${way}`, async () => {
      const rows = await Promise.all(
        domains.map(async ({ domain, decision, failure }) => {
          const got = await resolve(domain, { transports: transports(), timeouts });
          // A resolver that does not answer over DoH is a blind spot; the name servers' silence is a fact.
          const isBlind = way === "doh" && domain === "dns-timeout.test";
          const wanted = { domain, decision: isBlind ? "unknown" : DECISION[decision], failure };
          return [wanted, { domain, decision: got.decision, failure: failureOf(got.outcome.failure) }];
        }),
      );
      assert.deepEqual(
        rows.map(([, got]) => got),
        rows.map(([wanted]) => wanted),
      );
    });
  }
});
