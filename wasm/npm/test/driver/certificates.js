import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A CA, and `issue`, which gives `{key, cert}` for host names; made by openssl. */
export function authority() {
  const dir = mkdtempSync(join(tmpdir(), "mta-sts-test-"));
  process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
  const openssl = (...args) => execFileSync("openssl", args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA");
  let count = 0;
  return {
    ca: readFileSync(join(dir, "ca.pem"), "utf8"),
    issue({ names = [], cn = "leaf" }) {
      const file = `leaf${(count += 1)}`;
      const san = names.length > 0 ? `subjectAltName=${names.map((name) => `DNS:${name}`).join()}\n` : "";
      writeFileSync(join(dir, `${file}.ext`), `basicConstraints=CA:FALSE\n${san}`);
      openssl("req", ...newKey, "-keyout", `${file}.key`, "-out", `${file}.csr`, "-subj", `/CN=${cn}`);
      const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", String(count), "-days", "2"];
      openssl("x509", "-req", "-in", `${file}.csr`, ...signed, "-extfile", `${file}.ext`, "-out", `${file}.pem`);
      const read = (end) => readFileSync(join(dir, file + end), "utf8");
      return { key: read(".key"), cert: read(".pem") };
    },
  };
}
