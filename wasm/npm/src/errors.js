/** What this package throws; `code` says which kind, `message` what to do. */
export class MtaStsError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = "MtaStsError";
    this.code = code;
  }
}

export function wrongArgument(what, wanted, got) {
  return new MtaStsError("argument", `${what} must be ${wanted}, not ${described(got)}`);
}

function described(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return typeof value === "number" ? `the number ${value}` : `a ${typeof value}`;
  if (Array.isArray(value)) return "an array";
  return `a ${Object.prototype.toString.call(value).slice(8, -1)}`;
}
