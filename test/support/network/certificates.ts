import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether this machine can issue certificates. */
export const hasOpenssl: boolean = canRunOpenssl();

if (!hasOpenssl) {
  process.stderr.write("skipping TLS tests: no openssl (Debian: apt-get install openssl)\n");
}

/** An authority of a test's own, and the certificate that it gave a server; paths of PEM files. */
export interface Certificates extends AsyncDisposable {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** @param names for which the certificate is, such as `IP:127.0.0.1` */
export async function issueCertificate(names: string): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), "lease-certificates-"));
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const authority = ["-keyout", "authority.key", "-out", "authority.pem", "-subj", "/CN=authority"];
  openssl("req", "-x509", ...newKey, ...authority, "-days", "2");
  openssl("req", ...newKey, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server");
  writeFileSync(path("names"), `subjectAltName=${names}\n`);
  const signed = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"];
  const asked = ["-in", "server.csr", "-out", "server.pem", "-days", "2", "-extfile", "names"];
  openssl("x509", "-req", ...asked, ...signed);
  return {
    authority: path("authority.pem"),
    certificate: path("server.pem"),
    key: path("server.key"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

function canRunOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
