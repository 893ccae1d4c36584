// Compares with the MTA-STS parser of the npm package mailauth, in one run. Fails if a ratio is missed.
//   node bench/mailauth.mjs [rounds]
import { createRequire } from "node:module";
import { matchMx, parsePolicies, parsePolicy, preparePolicy } from "mta-sts";

const require = createRequire(import.meta.url);
const theirs = require("mailauth/lib/mta-sts.js");

// As in the Rust benchmarks.
const TEXT = [
  "version: STSv1",
  "mode: enforce",
  "mx: gmail-smtp-in.l.example.com",
  "mx: *.gmail-smtp-in.l.example.com",
  "mx: alt1.smtp-in.example.net",
  "mx: *.smtp-in.example.net",
  "max_age: 86400",
  "",
].join("\n");
const HOST = "alt1.gmail-smtp-in.l.example.com";
const BATCH = 256;

const octets = new TextEncoder().encode(TEXT);
const batch = Array.from({ length: BATCH }, () => octets.slice());
const theirPolicy = theirs.parsePolicy(TEXT);
const prepared = preparePolicy(octets);

// Texts are what is fastest for mailauth; octets are what comes from the network.
const contestants = {
  "mailauth parsePolicy(text)": { run: () => theirs.parsePolicy(TEXT), each: 1 },
  "parsePolicy(octets)": { run: () => parsePolicy(octets), each: 1, against: "mailauth parsePolicy(text)", least: 0.5 },
  "parsePolicy(text)": { run: () => parsePolicy(TEXT), each: 1, against: "mailauth parsePolicy(text)" },
  "parsePolicies(256 × octets)": {
    run: () => parsePolicies(batch),
    each: BATCH,
    against: "mailauth parsePolicy(text)",
    least: 1.5,
  },
  "mailauth validateMx": { run: () => theirs.validateMx(HOST, theirPolicy), each: 1 },
  "prepared.permits": { run: () => prepared.permits(HOST), each: 1, against: "mailauth validateMx", least: 1 },
  matchMx: { run: () => matchMx("*.gmail-smtp-in.l.example.com", HOST), each: 1, against: "mailauth validateMx" },
};

function sameAnswers() {
  const { policy } = parsePolicy(octets);
  const same =
    policy.mode === theirPolicy.mode && policy.maxAge === theirPolicy.maxAge && `${policy.mx}` === `${theirPolicy.mx}`;
  const matches = prepared.permits(HOST) && theirs.validateMx(HOST, theirPolicy).valid;
  if (!same || !matches) throw new Error("the two do not even agree on this policy");
}

/** Nanoseconds a policy or host, over some milliseconds. */
function measure({ run, each }, ms) {
  const start = process.hrtime.bigint();
  const end = start + BigInt(ms) * 1_000_000n;
  let done = 0;
  let now;
  do {
    for (let i = 0; i < 512; i += each) run();
    done += 512;
    now = process.hrtime.bigint();
  } while (now < end);
  return Number(now - start) / done;
}

function median(numbers) {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1];
}

sameAnswers();
const rounds = Number(process.argv[2] ?? 15);
const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
for (const contestant of Object.values(contestants)) measure(contestant, 300);
// Interleaved, so that a busy moment of the machine falls on all of them.
for (let round = 0; round < rounds; round++) {
  for (const [name, contestant] of Object.entries(contestants)) times[name].push(measure(contestant, 40));
}

let missed = false;
console.log(`Node ${process.versions.node}, mailauth ${require("mailauth/package.json").version}, ${rounds} rounds`);
for (const [name, { against, least }] of Object.entries(contestants)) {
  const ns = median([...times[name]]);
  let verdict = "";
  if (against) {
    // The ratio of each round, since the two were measured one after the other.
    const ratio = median(times[name].map((_, round) => times[against][round] / times[name][round]));
    verdict = `${ratio.toFixed(2)} × as fast`;
    if (least !== undefined) {
      const met = ratio >= least;
      missed ||= !met;
      verdict += `, at least ${least}: ${met ? "met" : "MISSED"}`;
    }
  }
  console.log(`${name.padEnd(28)} ${ns.toFixed(0).padStart(6)} ns  ${verdict}`);
}
process.exitCode = missed ? 1 : 0;
