import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

/** Whether this machine can issue certificates. */
export const hasOpenssl: boolean = canRunOpenssl();

if (!hasOpenssl) {
  process.stderr.write("skipping TLS tests: no openssl (Debian: apt-get install openssl)\n");
}

/** Paths of PEM files. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** An authority of a test's own. */
export interface Authority extends AsyncDisposable {
  /** The path of its own certificate. */
  readonly authority: string;
  /** Issues a certificate for names such as `IP:127.0.0.1`; each has a key of its own. */
  issue(names: string): Certificate;
}

/** An authority, and the certificate that it gave a server. */
export interface Certificates extends AsyncDisposable, Certificate {
  readonly authority: string;
}

/** @param days for how long what it issues is valid */
export async function openAuthority(days = 2): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), "lease-certificates-"));
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const own = ["-keyout", "authority.key", "-out", "authority.pem", "-subj", "/CN=authority"];
  openssl("req", "-x509", ...newKey, ...own, "-days", `${days}`);
  let issued = 0;
  return {
    authority: path("authority.pem"),
    issue(names) {
      issued += 1;
      const name = `issued-${issued}`;
      const [request, key, pem] = [`${name}.csr`, `${name}.key`, `${name}.pem`];
      openssl("req", ...newKey, "-keyout", key, "-out", request, "-subj", `/CN=${name}`);
      writeFileSync(path("names"), `subjectAltName=${names}\n`);
      const signed = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"];
      const asked = ["-in", request, "-out", pem, "-days", `${days}`, "-extfile", "names"];
      openssl("x509", "-req", ...asked, ...signed);
      return { certificate: path(pem), key: path(key) };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Has every client in this process trust what the authority has issued, from now on. */
export function trust({ authority }: Pick<Authority, "authority">): void {
  setDefaultCACertificates([...getCACertificates("default"), readFileSync(authority, "utf8")]);
}

/** @param names for which the certificate is, such as `IP:127.0.0.1` */
export async function issueCertificate(names: string): Promise<Certificates> {
  const opened = await openAuthority();
  const { authority } = opened;
  return {
    ...opened.issue(names),
    authority,
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
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
