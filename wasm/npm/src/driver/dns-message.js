import { answer, encode, name as names, question, RECURSION_DESIRED } from "@dnsquery/dns-packet";

const TYPES = { 5: "CNAME", 16: "TXT" };
const IN = 1;
const RCODES = { 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED" };
// Longer than any that resolvers follow.
const LONGEST_CHAIN = 32;

/** RFC 8484 §4.1: the id is 0, so that answers can be cached. */
export function encodeQuery(name) {
  return encode({ type: "query", id: 0, flags: RECURSION_DESIRED, questions: [{ type: "TXT", class: "IN", name }] });
}

/** `{status, records, rcode, chain}`, or a `code` and a `message` if the name's records were not learnt. */
export function decodeAnswer(message, name) {
  try {
    return understand(message, plain(name));
  } catch (error) {
    return { code: "malformed", message: `the resolver's answer is malformed: ${error.message}` };
  }
}

function understand(message, name) {
  const header = headerOf(message);
  if (!header.isResponse || header.id !== 0 || header.opcode !== 0) throw new Error("it answers no query of ours");
  if (header.isCut) throw new Error("it is cut");
  const asked = question.decode(message, 12);
  const start = within(message, 12 + question.decode.bytes);
  const isOurs = asked.type === "TXT" && asked.class === "IN" && plain(asked.name) === name;
  if (!isOurs || header.questions !== 1) throw new Error("it answers another question");

  const rcode = header.rcode === 0 ? "NOERROR" : (RCODES[header.rcode] ?? `RCODE${header.rcode}`);
  if (rcode !== "NOERROR" && rcode !== "NXDOMAIN") {
    return { code: rcode.toLowerCase(), message: `the answer is ${rcode}`, rcode };
  }
  const answers = answersOf(message, start, header.answers);
  const chain = follow(answers, name);
  const owner = chain[chain.length - 1];
  const records = answers.filter(({ type, name }) => type === "TXT" && name === owner).map(({ data }) => data);
  return { status: records.length > 0 ? "records" : "absent", records, rcode, chain };
}

function headerOf(message) {
  if (message.length < 12) throw new Error("it has no header");
  const word = (at) => (message[at] << 8) | message[at + 1];
  const flags = word(2);
  return {
    id: word(0),
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 15,
    isCut: (flags & 0x0200) !== 0,
    rcode: flags & 15,
    questions: word(4),
    answers: word(6),
  };
}

/**
 * The CNAME and TXT records of the answer section. The codec reads on past the end and from the beginning again when
 * lengths lie, so that each record is measured here, and no other is given to it.
 */
function answersOf(message, start, count) {
  const answers = [];
  for (let at = start; count > 0; count--) {
    const name = names.decode(message, at);
    const fixed = at + names.decode.bytes;
    const view = new DataView(message.buffer, message.byteOffset + within(message, fixed), message.length - fixed);
    const type = TYPES[view.getUint16(0)];
    const end = within(message, fixed + 10 + view.getUint16(8));
    if (type && view.getUint16(2) === IN) {
      const { data } = answer.decode(message, at);
      if (at + answer.decode.bytes !== end) throw new Error("a record's length is wrong");
      answers.push({ type, name: plain(name), data });
    }
    at = end;
  }
  return answers;
}

function within(message, at) {
  // Of NaN, too, no comparison is true.
  if (!(at <= message.length)) throw new Error("it ends too early");
  return at;
}

/** The name and those that CNAME records lead to (RFC 8461 §3.1). */
function follow(answers, name) {
  const targets = new Map();
  for (const record of answers) if (record.type === "CNAME") targets.set(record.name, plain(record.data));
  const chain = [name];
  for (let next = targets.get(name); next !== undefined; next = targets.get(next)) {
    if (chain.includes(next) || chain.length > LONGEST_CHAIN) throw new Error("its CNAME records do not end");
    chain.push(next);
  }
  return chain;
}

const plain = (name) => name.replace(/\.$/, "").toLowerCase();
