const TXT = (name) => [
  `Ask DNS for the TXT records of ${name} and pass them by hand (mta-sts/transports/bytes).`,
  "Pass another resolver (mta-sts/transports/doh), or ask from a server (mta-sts/transports/node).",
];

const POLICY = (url) => [
  `Open ${url}, save the file and pass its bytes (mta-sts/transports/bytes).`,
  "Pass a proxy that fetches it (mta-sts/transports/proxy).",
  "Ask from a server (mta-sts/transports/node), or with the command `mta-sts query`.",
  "If the policy host is yours, let it send `Access-Control-Allow-Origin: *`.",
];

const CACHE = () => ["Mend the store, or look the domain up without one to see what it publishes now."];

/** What could not be seen, why, and how it can be supplied. */
export function unknown(what, reason, message, subject) {
  const ways = { txt: TXT, policy: POLICY, cache: CACHE }[what];
  return { what, reason, message, howToSupply: ways(subject) };
}
