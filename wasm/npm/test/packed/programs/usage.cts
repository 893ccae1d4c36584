// The types of `require`.
import mtaSts = require("mta-sts");

const parsed: mtaSts.PolicyResult = mtaSts.parsePolicy("");
if (!parsed.ok) console.log(`typed: ${parsed.error.kind}`);
// @ts-expect-error There is no such function.
const wrong = () => mtaSts.parse("");
console.log(typeof wrong);
