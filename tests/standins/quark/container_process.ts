import * as sys from "../../../guest/native/sys.js";
import { exitOf, spawnReaped } from "../../../guest/runtime/reaper.ts";
import { readable } from "../../../guest/host/dial.ts";

/** The log, as which the sandbox's own process was given it. */
const STDERR = 2;

/** Where a process's stdio is, as the request names it. */
export interface Stdio {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

/** How a process ended. */
export interface Exit {
  status: number;
  atNs: bigint;
}

/** A process of a container. */
export class ContainerProcess {
  readonly stdio: Stdio;
  readonly exited: Promise<Exit>;
  exit: Exit | undefined;
  /** Signals go to it; 0 before the start. */
  pid = 0;
  #master = -1;
  #end: (exit: Exit) => void = () => {};

  /** @throws Error where a path of its stdio is no FIFO that the sandbox can see */
  constructor(stdio: Stdio) {
    this.stdio = stdio;
    this.exited = new Promise((resolve) => this.#end = resolve);
    for (const path of [stdio.stdin, stdio.stdout, stdio.stderr]) {
      if (path !== "" && sys.stat(path).type !== "fifo") throw new Error(`${path} is no FIFO`);
    }
  }

  /** Starts a stage of the stand-in with this process's stdio. */
  async start(stage: readonly string[]): Promise<void> {
    const report = sys.pipe();
    const own: number[] = [report.write];
    try {
      const fds = this.stdio.terminal ? this.#terminal(own) : this.#fifos(own);
      const stagePid = spawnReaped({
        argv: ["/proc/self/exe", ...stage],
        stdin: fds[0]!,
        stdout: fds[1]!,
        stderr: fds[2]!,
        extraFds: [report.write, STDERR],
        pdeathsig: sys.SIG.KILL,
      });
      void exitOf(stagePid).then(({ code }) => this.ended(code));
    } finally {
      own.forEach((fd) => sys.close(fd));
    }
    await readable(report.read);
    const buffer = new Uint8Array(32);
    const length = sys.read(report.read, buffer);
    sys.close(report.read);
    this.pid = Number(sys.utf8Decode(buffer.subarray(0, Math.max(length, 0))).trim());
    if (this.pid === 0) throw new Error("the program could not be started: not found or not executable");
  }

  ended(status: number): void {
    if (this.exit) return;
    this.exit = { status, atNs: sys.clockGettime(sys.CLOCK.REALTIME) };
    this.#end(this.exit);
  }

  resize(rows: number, columns: number): void {
    if (this.#master >= 0) sys.setWinsize(this.#master, rows, columns);
  }

  #fifos(own: number[]): number[] {
    return [this.stdio.stdin, this.stdio.stdout, this.stdio.stderr].map((path, i) => {
      const fd = path === ""
        ? sys.open("/dev/null", sys.O.RDWR)
        : sys.open(path, i === 0 ? sys.O.RDONLY | sys.O.NONBLOCK : sys.O.RDWR);
      if (i === 0 && path !== "") sys.setNonblock(fd, false);
      own.push(fd);
      return fd;
    });
  }

  #terminal(own: number[]): number[] {
    const { master, slave } = sys.openpty();
    this.#master = master;
    own.push(slave);
    const out = sys.open(this.stdio.stdout, sys.O.RDWR | sys.O.NONBLOCK);
    sys.relay(master, out, () => {
      sys.close(out);
      if (this.#master >= 0) sys.close(master);
      this.#master = -1;
    });
    if (this.stdio.stdin !== "") {
      const input = sys.open(this.stdio.stdin, sys.O.RDONLY | sys.O.NONBLOCK);
      const sink = sys.dup(master);
      sys.relay(input, sink, () => {
        sys.close(input);
        sys.close(sink);
      });
    }
    return [slave, slave, slave];
  }
}
