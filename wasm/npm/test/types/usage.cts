// The same package through `require`.
import mtaSts = require("mta-sts");

const parsed: mtaSts.PolicyResult = mtaSts.parsePolicy("");
const lookup: mtaSts.Lookup = new mtaSts.Lookup("example.com");
export = [parsed, lookup];
