import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";

const WHAT_TO_DO = `No PostgreSQL for the tests. Do one of these:
  - set TEST_POSTGRES_URL to a server on which databases may be created, e.g. postgres://postgres@127.0.0.1:5432/postgres
  - install PostgreSQL 14 or later (apt-get install postgresql, brew install postgresql)`;

/** Where Debian and Ubuntu put each major version. */
const DEBIAN_ROOT = "/usr/lib/postgresql";

/** Debian makes and starts a cluster of its own with the package; the tests need only the programs. */
const NO_MAIN_CLUSTER = "/etc/postgresql-common/createcluster.d/crm-testkit.conf";

/** What can be replaced in a test of the search itself. */
export interface PostgresSearch {
  readonly debianRoot?: string | undefined;
  readonly path?: string | undefined;
  /** Installs the packages; `undefined` where this process may not. */
  readonly install?: (() => Promise<void>) | undefined;
}

/** The folder with `postgres` and `initdb`: the highest version of Debian's, then the `PATH`, then one installed now. */
export async function findPostgresBinaries(search: PostgresSearch = defaultSearch()): Promise<string> {
  const found = lookForBinaries(search);
  if (found !== undefined) return found;
  await search.install?.();
  const installed = lookForBinaries(search);
  if (installed === undefined) throw new Error(WHAT_TO_DO);
  return installed;
}

function defaultSearch(): PostgresSearch {
  return { debianRoot: DEBIAN_ROOT, path: process.env.PATH, install: mayInstall() ? aptInstall : undefined };
}

function lookForBinaries({ debianRoot, path }: PostgresSearch): string | undefined {
  const versions = debianRoot !== undefined && existsSync(debianRoot) ? readdirSync(debianRoot) : [];
  const folders = versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(debianRoot as string, version, "bin"));
  return [...folders, ...(path ?? "").split(delimiter).filter(Boolean)].find(
    (folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")),
  );
}

function mayInstall(): boolean {
  return process.getuid?.() === 0 && spawnSync("apt-get", ["--version"], { stdio: "ignore" }).status === 0;
}

async function aptInstall(): Promise<void> {
  await mkdir(dirname(NO_MAIN_CLUSTER), { recursive: true });
  if (!existsSync(NO_MAIN_CLUSTER)) await writeFile(NO_MAIN_CLUSTER, "create_main_cluster = false\n");
  const wait = ["-o", "DPkg::Lock::Timeout=120"];
  const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, encoding: "utf8" } as const;
  // A stale index is good enough when the mirror is out of reach and the package is in it: only the install decides.
  spawnSync("apt-get", [...wait, "update", "-q"], { ...options, timeout: 180_000 });
  const args = [...wait, "install", "-y", "-q", "--no-install-recommends", "postgresql"];
  const install = spawnSync("apt-get", args, { ...options, timeout: 300_000 });
  if (install.status !== 0) {
    throw new Error(
      `apt-get could not install postgresql:\n${install.stdout}\n${install.stderr}\n${WHAT_TO_DO}`,
    );
  }
}

/** PostgreSQL refuses to run as root: then it runs as `postgres`, which Debian's package makes, or as `nobody`. */
export function unprivilegedUser(
  uid: number | undefined = process.getuid?.(),
  passwd: string = readFileSync("/etc/passwd", "utf8"),
): { readonly uid: number; readonly gid: number } | undefined {
  if (uid !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const fields = passwd
      .split("\n")
      .find((line) => line.startsWith(`${name}:`))
      ?.split(":");
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody");
}
