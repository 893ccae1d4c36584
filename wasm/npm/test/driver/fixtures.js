export const DOMAIN = "example.com";
export const RECORD = "v=STSv1; id=1;";
export const POLICY = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n";
export const NOW = 1_800_000_000;

export const octets = (text) => new TextEncoder().encode(text);

/** A transport that answers what it is told: an observation's parts, or what a function does with the request. */
export function stub(kind, answer, more = {}) {
  const asked = [];
  return {
    kind,
    name: `stub-${kind}`,
    capabilities: [],
    asked,
    async run(request, context) {
      asked.push(request);
      const parts = typeof answer === "function" ? await answer(request, context) : answer;
      return { kind, source: "stub", request, at: "2026-01-01T00:00:00.000Z", ms: 0, bytesExact: true, ...parts };
    },
    ...more,
  };
}

export const records = (...texts) => ({ value: { status: "records", records: texts.map((text) => [octets(text)]) } });
export const absent = { value: { status: "absent", records: [] } };
export const response = (body, more) => ({
  value: { status: 200, contentType: ["text/plain"], contentEncoding: [], body: octets(body), complete: true, ...more },
});
export const blind = (code) => ({ error: { code, message: "not seen", blind: true } });
export const failed = (code) => ({ error: { code, message: "seen to fail", blind: false } });

export const good = () => [stub("dns", records(RECORD)), stub("https", response(POLICY))];
