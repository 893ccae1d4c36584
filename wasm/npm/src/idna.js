// Any of these in the name would be read by `URL` as something else than a part of the host, or taken away by it.
const NOT_IN_NAMES = /[\0-,/:-@[-`{-\x7f]/;

/**
 * The A-labels of a name with U-labels, by the runtime's own `URL` (UTS 46); nothing if it has none. ASCII names stay as
 * they are. The core judges the result, so what comes out as an IP address is refused there.
 */
export function toAscii(name) {
  if (/^[\0-\x7f]*$/.test(name)) return name;
  if (NOT_IN_NAMES.test(name)) return undefined;
  const ascii = hostOf(name);
  return ascii?.split(".").every(isSound) ? ascii : undefined;
}

function hostOf(name) {
  try {
    return new URL(`http://${name}`).hostname;
  } catch {
    // Not a name, or a runtime without URL.
    return undefined;
  }
}

/** Browsers let some A-labels through that nothing encodes to: only what comes back from decoding is one. */
function isSound(label) {
  if (!label.startsWith("xn--")) return true;
  const decoded = decodePunycode(label.slice(4));
  return decoded !== undefined && hostOf(decoded) === label;
}

/** RFC 3492 §6.2. */
function decodePunycode(text) {
  const basic = Math.max(text.lastIndexOf("-"), 0);
  const points = Array.from(text.slice(0, basic), (c) => c.codePointAt(0));
  let at = basic > 0 ? basic + 1 : 0;
  let point = 128;
  let bias = 72;
  for (let i = 0; at < text.length; i++) {
    const before = i;
    for (let weight = 1, k = 36; ; k += 36) {
      const digit = parseInt(text[at++] ?? "-", 36);
      if (Number.isNaN(digit)) return undefined;
      // Letters come before digits in Punycode.
      const value = digit < 10 ? digit + 26 : digit - 10;
      i += value * weight;
      const threshold = Math.min(Math.max(k - bias, 1), 26);
      if (value < threshold) break;
      weight *= 36 - threshold;
      if (weight > 0x7fffffff || i > 0x7fffffff) return undefined;
    }
    const length = points.length + 1;
    bias = adapted(i - before, length, before === 0);
    point += Math.floor(i / length);
    if (point > 0x10ffff) return undefined;
    i %= length;
    points.splice(i, 0, point);
  }
  return String.fromCodePoint(...points);
}

/** RFC 3492 §6.1. */
function adapted(delta, length, first) {
  let scaled = Math.floor(delta / (first ? 700 : 2));
  scaled += Math.floor(scaled / length);
  let k = 0;
  for (; scaled > 455; k += 36) scaled = Math.floor(scaled / 35);
  return k + Math.floor((36 * scaled) / (scaled + 38));
}
