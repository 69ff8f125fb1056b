import { root } from "../../lib/build/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { VERSION } from "../../lib/service/mod.ts";

/** What both packages say of themselves. */
export interface About {
  version: string;
  /** Debian's name: `amd64`. */
  architecture: string;
  /** `Name <address>`. */
  maintainer: string;
  /** Time of everything in the packages, in s since 1970. */
  epochS: number;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

/**
 * Maintainer and time are those of the last commit, unless the variables say otherwise that Debian's tools read: DEBEMAIL
 * with DEBFULLNAME, and SOURCE_DATE_EPOCH.
 *
 * @param version Debian's; the one of the programs unless given
 * @throws KuasarError INVALID_ARGUMENT for a version that dpkg would not take, FAILED_PRECONDITION outside of a repository
 *   without those variables
 */
export function about(version: string = VERSION): About {
  // A package of ours has no part that Debian's own maintainers count.
  if (!/^\d[A-Za-z0-9.+~]*$/.test(version)) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot make a package of version ${
        JSON.stringify(version)
      }: it must begin with a digit and have only letters, digits and .+~`,
    );
  }
  const { DEBEMAIL: email, DEBFULLNAME: name, SOURCE_DATE_EPOCH: epoch } = Deno.env.toObject();
  return {
    version,
    architecture: ARCHITECTURES[Deno.build.arch]!,
    maintainer: email ? `${name ?? "Kuasar"} <${email}>` : lastCommit("%an <%ae>", "DEBEMAIL"),
    epochS: Number(epoch || lastCommit("%ct", "SOURCE_DATE_EPOCH")),
  };
}

function lastCommit(format: string, variable: string): string {
  const { success, stdout } = new Deno.Command("git", {
    args: ["-C", root, "log", "-1", `--format=${format}`],
    stderr: "null",
  }).outputSync();
  if (success) return new TextDecoder().decode(stdout).trim();
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot make a package: this is no git repository; set ${variable}`,
  );
}
