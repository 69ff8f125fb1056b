import { hostTools } from "../../deploy/host/mod.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import { listenHybrid, type Readiness } from "../../drivers/contract/readiness.ts";
import { waitForFile } from "../../drivers/contract/wait_for_file.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { GuestDefinition } from "../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import type { GuestEndpoint } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { SandboxServiceDefinition } from "../../lib/proto/gen/grpc/sandbox.ts";
import { connectGuest, GUEST_PORT } from "../../lib/transport/mod.ts";
import { secretLine } from "../../lib/vsock/mod.ts";
import { type ByteStream, createClient, TtrpcClient } from "../../lib/ttrpc/mod.ts";

/** Longer than any boot or call under emulation on a busy machine. */
const TIMEOUT_MS = 120_000;
const SHARE = "/run/kuasar/state";
const MEMORY_MIB = 256;

const KERNEL_PARAMS = [
  ...["console=ttyS0", "panic=-1", "quiet", "no_timer_check"],
  ...["task.sharefs_type=9p", "task.log_level=debug"],
];

/** Where a guest gets its secret. */
const SECRET_PORT = 1023;

/** Programs of busybox that the tests use by name. */
const APPLETS = ["sh", "cat", "sleep", "head", "tail", "yes", "stty", "id", "ps", "kill", "dd", "true", "wc"];

/** What a test wants of its guest besides the usual. */
export interface GuestChoices {
  /** What connections to it begin with, as on the kernel's vsock. */
  secret?: string;
  kernelParams?: readonly string[];
}

/** A bare VM with the agent as PID 1, spoken to directly: nothing of the host's services is between. */
export class TestGuest {
  readonly endpoint: GuestEndpoint;
  readonly guest: ReturnType<typeof createClient<typeof GuestDefinition>>;
  readonly task: ReturnType<typeof createClient<typeof TaskDefinition>>;
  readonly sandbox: ReturnType<typeof createClient<typeof SandboxServiceDefinition>>;
  readonly #dir: string;
  readonly #client: TtrpcClient;
  readonly #processes: readonly Deno.ChildProcess[];

  private constructor(
    dir: string,
    endpoint: GuestEndpoint,
    client: TtrpcClient,
    processes: readonly Deno.ChildProcess[],
  ) {
    this.#dir = dir;
    this.endpoint = endpoint;
    this.#client = client;
    this.#processes = processes;
    this.guest = createClient(GuestDefinition, client, { timeoutMs: TIMEOUT_MS });
    this.task = createClient(TaskDefinition, client, { timeoutMs: TIMEOUT_MS });
    this.sandbox = createClient(SandboxServiceDefinition, client, { timeoutMs: TIMEOUT_MS });
  }

  /** Boots with a share of which every container gets a folder with busybox. */
  static async start({ secret = "", kernelParams = [] }: GuestChoices = {}): Promise<TestGuest> {
    const { vhostDeviceVsock, qemu } = nodePrograms().tools;
    const dir = await Deno.makeTempDir({ prefix: "kg-" });
    await Deno.mkdir(`${dir}/share`);
    const readiness = secret === ""
      ? listenHybrid(`${dir}/vm.vsock_1027`)
      : tellSecret(`${dir}/vm.vsock_${SECRET_PORT}`, secret);
    const timer = setTimeout(() => readiness.close(), TIMEOUT_MS);
    const processes: Deno.ChildProcess[] = [];
    try {
      processes.push(spawn(vhostDeviceVsock, [
        ...["--guest-cid", "3", "--socket", `${dir}/vhost.sock`],
        ...["--uds-path", `${dir}/vm.vsock`],
      ]));
      await waitForFile(`${dir}/vhost.sock`, TIMEOUT_MS, AbortSignal.timeout(TIMEOUT_MS));
      const own = secret === "" ? [] : [`task.secret_port=${SECRET_PORT}`];
      processes.push(spawn(qemu, qemuArguments(dir, [...own, ...kernelParams])));
      await readiness.ready;
      const endpoint = { kind: { $case: "hybridPath" as const, value: `${dir}/vm.vsock` }, secret };
      const stream = await connectGuest(endpoint, GUEST_PORT.services, { timeoutMs: TIMEOUT_MS });
      return new TestGuest(dir, endpoint, new TtrpcClient(stream), processes);
    } catch (cause) {
      const evidence = await consoleTail(dir);
      await end(processes, dir);
      throw new KuasarError("ABORTED", "Cannot boot the guest under test", { cause, evidence });
    } finally {
      clearTimeout(timer);
      readiness.close();
    }
  }

  /** Ends the VM and removes its folder. */
  async stop(): Promise<void> {
    this.#client.close();
    await this.#client.closed;
    await end(this.#processes, this.#dir);
  }

  /** The last lines of the guest's console. */
  console(): Promise<string[]> {
    return consoleTail(this.#dir);
  }

  /** Runs a command beside the containers. @returns its stdout */
  async run(command: string): Promise<string> {
    return (await this.sandbox.execVMProcess({ command, stdin: new Uint8Array() })).out;
  }

  /** Writes a bundle with busybox. @returns its path in the guest */
  async bundle(id: string, spec: ContainerSpec): Promise<string> {
    const bundle = `${this.#dir}/share/${id}`;
    await Deno.mkdir(`${bundle}/rootfs/bin`, { recursive: true });
    for (const folder of ["proc", "dev", "tmp", "sys"]) await Deno.mkdir(`${bundle}/rootfs/${folder}`);
    await Deno.copyFile(hostTools().busyboxStatic, `${bundle}/rootfs/bin/busybox`);
    await Deno.chmod(`${bundle}/rootfs/bin/busybox`, 0o755);
    for (const name of APPLETS) await Deno.symlink("busybox", `${bundle}/rootfs/bin/${name}`);
    for (const path of spec.programs ?? []) {
      await Deno.copyFile(path, `${bundle}/rootfs/bin/${path.slice(path.lastIndexOf("/") + 1)}`);
    }
    await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(ociSpec(id, spec)));
    return `${SHARE}/${id}`;
  }

  /** Opens a stdio stream of a process; `exec` is empty for a container's init. */
  async stream(container: string, exec: string, name: "stdin" | "stdout" | "stderr"): Promise<ByteStream> {
    const stream = await connectGuest(this.endpoint, GUEST_PORT.stdio, { timeoutMs: TIMEOUT_MS });
    await stream.write(new TextEncoder().encode(`STREAM ${container} ${exec || "-"} ${name}\n`));
    return await afterAnswer(stream);
  }
}

/** What the tests choose of a container. */
export interface ContainerSpec {
  args: readonly string[];
  /** Static programs of the host, to be found in /bin. */
  programs?: readonly string[];
  terminal?: boolean;
  resources?: Record<string, unknown>;
}

/** Reads the answer `OK` off a stream. @throws Error with what else came */
async function afterAnswer(stream: ByteStream): Promise<ByteStream> {
  let seen = new Uint8Array();
  while (!seen.includes(0x0a)) {
    const piece = await stream.read();
    if (piece === null) break;
    seen = new Uint8Array([...seen, ...piece]);
  }
  const end = seen.indexOf(0x0a) + 1;
  const answer = new TextDecoder().decode(seen.subarray(0, end));
  if (answer !== "OK\n") {
    stream.close();
    throw new Error(`Cannot open the stream: ${answer}`);
  }
  let rest: Uint8Array | undefined = seen.subarray(end);
  return {
    read() {
      const first = rest;
      rest = undefined;
      return first?.length ? Promise.resolve(first) : stream.read();
    },
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  };
}

function ociSpec(id: string, { args, terminal = false, resources = {} }: ContainerSpec): unknown {
  return {
    ociVersion: "1.2.0",
    process: ociProcess(args, terminal),
    root: { path: "rootfs" },
    hostname: id.toLowerCase(),
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666"],
      },
      { destination: "/sys/fs/cgroup", type: "cgroup2", source: "cgroup2", options: ["ro"] },
    ],
    linux: {
      cgroupsPath: `/kuasar/${id}`,
      resources,
      namespaces: ["pid", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type })),
    },
  };
}

/** An OCI process that runs `args` as root. */
export function ociProcess(args: readonly string[], terminal = false): unknown {
  return { terminal, user: { uid: 0, gid: 0 }, args, env: ["PATH=/bin", "TERM=vt100"], cwd: "/" };
}

/** Does what a driver does where the kernel's vsock carries it. */
function tellSecret(path: string, secret: string): Readiness {
  const listener = Deno.listen({ transport: "unix", path });
  let conn: Deno.Conn | undefined;
  const ready = (async () => {
    conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    const count = await conn.read(buffer) ?? 0;
    await conn.write(new TextEncoder().encode(secretLine(secret)));
    return { said: new TextDecoder().decode(buffer.subarray(0, count)) };
  })();
  ready.catch(() => {});
  let open = true;
  return {
    ready,
    close: () => {
      if (open) listener.close();
      if (open) conn?.close();
      open = false;
    },
  };
}

function spawn(program: string, args: string[]): Deno.ChildProcess {
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
}

async function end(processes: readonly Deno.ChildProcess[], dir: string): Promise<void> {
  for (const process of [...processes].reverse()) {
    try {
      process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await process.status;
  }
  await Deno.remove(dir, { recursive: true });
}

async function consoleTail(dir: string): Promise<string[]> {
  const text = await Deno.readTextFile(`${dir}/console.log`).catch(() => "");
  return text.split("\n").slice(-30);
}

function qemuArguments(dir: string, kernelParams: readonly string[]): string[] {
  const { kernel, initrd } = nodePrograms();
  const machine = "q35,accel=tcg,memory-backend=mem,usb=off,sata=off,smbus=off,vmport=off,smm=off," +
    "graphics=off,i8042=off,hpet=off";
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-machine", machine, "-cpu", "max", "-m", `${MEMORY_MIB}M`],
    ...["-object", `memory-backend-memfd,id=mem,size=${MEMORY_MIB}M,share=on`],
    ...["-kernel", kernel, "-initrd", initrd, "-bios", "qboot.rom"],
    ...["-append", [...KERNEL_PARAMS, ...kernelParams].join(" ")],
    ...["-fsdev", `local,id=share,path=${dir}/share,security_model=none,multidevs=remap`],
    ...["-device", "virtio-9p-pci-non-transitional,fsdev=share,mount_tag=kuasar"],
    ...["-serial", `file:${dir}/console.log`],
    ...["-chardev", `socket,id=vsock,path=${dir}/vhost.sock`],
    ...["-device", "vhost-user-vsock-pci-non-transitional,chardev=vsock"],
  ];
}
