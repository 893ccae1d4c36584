import { isBytes, observe } from "../driver/observation.js";

/**
 * Evidence given by hand: the TXT records, the policy, or both. Text was copied and may have lost a
 * BOM, CRs and trailing blanks; octets and files have not.
 */
export default function bytes({ txt, policy, vantage } = {}) {
  return [
    ...(txt === undefined ? [] : [records(txt, vantage)]),
    ...(policy === undefined ? [] : [body(policy, vantage)]),
  ];
}

/** `null` is "there are none"; else one record or an array of them, each a string, octets or an array of its strings. */
function records(txt, vantage) {
  const rrset = txt === null ? [] : [txt].flat().map((record) => [record].flat().map(octets));
  const value = { status: rrset.length > 0 ? "records" : "absent", records: rrset };
  return supplied("dns", "txt", vantage, () => ({ value, bytesExact: !isText(txt) }));
}

/** A string, octets, or a Blob such as a dropped File. */
function body(policy, vantage) {
  const head = { status: 200, assumed: true, contentType: [], contentEncoding: [], complete: true };
  const isBlob = typeof policy?.arrayBuffer === "function";
  // What is wrong with it shows now rather than in the middle of a lookup.
  const given = isBlob ? undefined : octets(policy);
  return supplied("https", "policy", vantage, async () => {
    const body = given ?? octets(await policy.arrayBuffer());
    return { value: { ...head, body }, bytesExact: !isText(policy) };
  });
}

const isText = (it) => (Array.isArray(it) ? it.some(isText) : typeof it === "string");

function supplied(kind, what, vantage, give) {
  return {
    kind,
    name: "bytes",
    capabilities: [what, "supplied"],
    queries: 0,
    async run(request) {
      const { value, bytesExact } = await give();
      return observe(kind, bytesExact ? "file" : "paste", request, vantage).seen(value, { bytesExact });
    },
  };
}

function octets(it) {
  if (typeof it === "string") return new TextEncoder().encode(it);
  if (isBytes(it)) return it.slice();
  if (it instanceof ArrayBuffer) return new Uint8Array(it.slice(0));
  throw new TypeError("evidence is text or octets");
}
