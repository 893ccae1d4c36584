// Packs the package, installs the tarball for every runtime and bundler, and uses it there.
//
//   node test/packed/run.mjs            all of them
//   node test/packed/run.mjs Deno Bun   those whose names contain one of these
import { end, installTools, pack, startBrowser, startLab } from "./kit.mjs";
import { targets } from "./targets.mjs";

const [passed, failed] = [[], []];
try {
  installTools();
  const tarball = pack();
  const [lab, browser] = await Promise.all([startLab(), startBrowser()]);
  const wanted = process.argv.slice(2);
  for (const [name, use] of Object.entries(targets)) {
    if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
    try {
      const [what, version] = await use({ tarball, lab, browser });
      console.log(`${name}: ${what} ok (${version})`);
      passed.push(name);
    } catch (error) {
      console.log(`${name}: FAILED\n  ${error.message.replaceAll("\n", "\n  ")}`);
      failed.push(name);
    }
  }
} catch (error) {
  console.log(`the run ended early: FAILED\n  ${error.message}`);
  failed.push("the run");
} finally {
  await end();
}
if (failed.length > 0) console.log(`failed: ${failed.join(", ")}`);
console.log(`${passed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 || passed.length === 0 ? 1 : 0;
