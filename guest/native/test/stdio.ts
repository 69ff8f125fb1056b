import { KuasarError } from "../../../lib/errors/mod.ts";
import type { SandboxLink } from "../../host/sandbox_link.ts";
import { Stdio } from "../../host/stdio.ts";
import * as sys from "../sys.js";
import { directory, equal, test, until } from "./check.ts";

/** containerd's end of a process's output: a FIFO that somebody reads. */
function fifo(name: string): { path: string; read: number } {
  const path = `${directory}/${name}`;
  sys.mknod(path, sys.S.IFIFO | 0o600);
  return { path, read: sys.open(path, sys.O.RDONLY | sys.O.NONBLOCK) };
}

/** The way to a guest whose streams are opened by `openStream`. */
function linkWith(openStream: SandboxLink["openStream"]): SandboxLink & { die(): void } {
  let die = () => {};
  const died = new Promise<void>((resolve) => die = resolve);
  const link = {
    sandboxId: "s",
    pid: 1,
    local: false,
    died,
    dead: false,
    task: () => Promise.reject(new KuasarError("UNIMPLEMENTED", "Cannot call: there is no guest")),
    openStream,
    close: () => {},
    die: () => {
      link.dead = true;
      die();
    },
  };
  return link;
}

const late = () => Promise.reject(new KuasarError("DEADLINE_EXCEEDED", "Cannot get the guest's answer"));
const paths = (stdout: string) => ({ stdin: "", stdout, stderr: "", terminal: false });

/** What can be read now; an empty text at the end of file, undefined where there is nothing yet. */
function readNow(fd: number): string | undefined {
  const bytes = new Uint8Array(64);
  const count = sys.read(fd, bytes);
  return count < 0 ? undefined : sys.utf8Decode(bytes.subarray(0, count));
}

test("a stream that a busy guest opens late loses nothing", async () => {
  const { path, read } = fifo("late");
  let guest = -1;
  let tries = 0;
  const link = linkWith(() => {
    if (++tries < 3) return late();
    const [ours, theirs] = sys.socketpair();
    guest = theirs;
    return Promise.resolve(ours);
  });
  const stdio = new Stdio();
  await stdio.connect(link, "c", "", paths(path), () => {});
  equal(tries, 3);
  sys.write(guest, sys.utf8Encode("all of it"));
  let got: string | undefined;
  await until(() => (got = readNow(read)) !== undefined);
  equal(got, "all of it");
  sys.close(guest);
  await until(() => readNow(read) === "");
  stdio.close();
  sys.close(read);
});

test("a guest that dies, or says that there is no such stream, is not waited for", async () => {
  for (const end of ["dies", "knows none"] as const) {
    const { path, read } = fifo(end.replace(" ", "-"));
    const link = linkWith(() => {
      if (end === "knows none") {
        return Promise.reject(new KuasarError("NOT_FOUND", "Cannot open it: there is none"));
      }
      link.die();
      return late();
    });
    const stdio = new Stdio();
    await stdio.connect(link, "c", "e", paths(path), () => {});
    // containerd sees the end of its stream.
    equal(readNow(read), "");
    stdio.close();
    sys.close(read);
  }
});

test("a process that is deleted is not waited for", async () => {
  const { path, read } = fifo("deleted");
  const stdio = new Stdio();
  const link = linkWith(late);
  const connected = stdio.connect(link, "c", "e", paths(path), () => {});
  stdio.close();
  await connected;
  equal(readNow(read), "");
  sys.close(read);
});
