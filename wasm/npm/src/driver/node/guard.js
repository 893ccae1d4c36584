import { BlockList, isIPv4 } from "node:net";

/**
 * Lets through global unicast addresses, and the nets that the caller opened. Policy hosts are named
 * by strangers, so that a name could lead into the network behind the sender.
 */
export function guard(allowNets = []) {
  const opened = new BlockList();
  for (const net of allowNets) {
    const [, address, , prefix] = /^([^/]+)(\/(\d+))?$/.exec(net) ?? [];
    const family = address && isIPv4(address) ? "ipv4" : "ipv6";
    // Throws for what is no net.
    opened.addSubnet(address, Number(prefix ?? (family === "ipv4" ? 32 : 128)), family);
  }
  return (address) => {
    if (isIPv4(address)) return isGlobal4(octets4(address)) || opened.check(address, "ipv4");
    const words = words6(address);
    if (!words) return false;
    // A mapped address goes where the IPv4 address goes, and has no place in DNS.
    const mapped = words.slice(0, 6).join() === "0,0,0,0,0,65535" ? address4(words[6], words[7]) : undefined;
    return isGlobal6(words) || opened.check(address, "ipv6") || (mapped !== undefined && opened.check(mapped, "ipv4"));
  };
}

/** RFC 6890 and the IANA registry of special-purpose addresses. */
function isGlobal4([a, b, c]) {
  const isSpecial =
    [0, 10, 127].includes(a) ||
    a >= 224 ||
    (a === 100 && b >= 64 && b <= 127) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 0 && (c === 0 || c === 2)) ||
    (a === 192 && b === 88 && c === 99) ||
    (a === 192 && b === 168) ||
    (a === 198 && (b === 18 || b === 19)) ||
    (a === 198 && b === 51 && c === 100) ||
    (a === 203 && b === 0 && c === 113);
  return !isSpecial;
}

function isGlobal6(words) {
  const [first, second] = words;
  const inside = (high, low) => isGlobal4([high >> 8, high & 255, low >> 8]);
  // RFC 6052: NAT64's well-known prefix leads to the IPv4 address inside.
  if (words.slice(0, 6).join() === "100,65435,0,0,0,0") return inside(words[6], words[7]);
  // RFC 4380: Teredo, with the server's and the client's (inverted) address.
  if (first === 0x2001 && second === 0) {
    return inside(words[2], words[3]) && inside(words[6] ^ 0xffff, words[7] ^ 0xffff);
  }
  // RFC 3056: 6to4.
  if (first === 0x2002) return inside(second, words[2]);
  // Protocol assignments (RFC 2928), documentation (RFC 3849, RFC 9637).
  if (first === 0x2001 && (second < 0x200 || second === 0xdb8)) return false;
  if (first === 0x3fff && second < 0x1000) return false;
  // RFC 4291 §2.4: what is assigned of global unicast. No ULA, link-local, multicast, mapped.
  return (first & 0xe000) === 0x2000;
}

const octets4 = (address) => address.split(".").map(Number);
const address4 = (high, low) => [high >> 8, high & 255, low >> 8, low & 255].join(".");

/** The eight words of an IPv6 address; nothing for what is none, or has a zone. */
function words6(address) {
  // The URL parser is the one canonical reader of addresses that the runtime has.
  if (!URL.canParse(`http://[${address}]`)) return undefined;
  const [head, tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const words = (part) => (part ? part.split(":").map((word) => parseInt(word, 16)) : []);
  if (tail === undefined) return words(head);
  const gap = 8 - words(head).length - words(tail).length;
  return [...words(head), ...new Array(gap).fill(0), ...words(tail)];
}
