import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { root } from "../../lib/build/mod.ts";
import { message } from "../../lib/cri/mod.ts";
import type { KuasarError } from "../../lib/errors/mod.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import {
  ControllerCreateRequest,
  ControllerDefinition,
  ControllerPlatformRequest,
  ControllerShutdownRequest,
  ControllerStartRequest,
  ControllerStatusRequest,
  ControllerStopRequest,
  ControllerWaitRequest,
} from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import { ociImage } from "../../image/oci/layout.ts";
import type { Node } from "../harness/mod.ts";
import { e2e, e2eOurs, importArchive, services, useNode } from "./fixture.ts";

const node = useNode();

const METADATA = { metadata: { "containerd-namespace": "k8s.io" }, timeoutMs: 20_000 };

function controller(node: Node) {
  return grpcClient(ControllerDefinition, `${node.runDir}/sandboxer.sock`);
}

const hasCode = (code: KuasarError["code"]) => (error: KuasarError) => {
  strictEqual(error.code, code, error.message);
  ok(error.message.length > 10, "the message says what is wrong");
  return true;
};

/** Sends raw bytes to a unix socket and returns once the peer has closed or nothing more comes. */
async function sendRaw(path: string, bytes: Uint8Array): Promise<void> {
  const connection = await Deno.connect({ transport: "unix", path });
  const timer = setTimeout(() => connection.close(), 2_000);
  try {
    await connection.write(bytes);
    while (await connection.read(new Uint8Array(4096)) !== null);
  } catch {
    // reset or closed by the timer
  } finally {
    clearTimeout(timer);
    try {
      connection.close();
    } catch {
      // closed by the timer
    }
  }
}

e2e("an unknown pod or container is NOT_FOUND", node, async (node) => {
  const request = { podSandboxId: "no-such-pod", verbose: false };
  await rejects(node.cri.runtime.podSandboxStatus(request), hasCode("NOT_FOUND"));
  await node.cri.runtime.stopPodSandbox({ podSandboxId: "no-such-pod" });
  await node.cri.runtime.removePodSandbox({ podSandboxId: "no-such-pod" });
});

e2eOurs("the sandboxer says NOT_FOUND for an unknown sandbox", node, async (node) => {
  const client = controller(node);
  const id = { sandboxId: "a".repeat(64) };
  await rejects(client.start(message(ControllerStartRequest, id), METADATA), hasCode("NOT_FOUND"));
  await rejects(client.status(message(ControllerStatusRequest, id), METADATA), hasCode("NOT_FOUND"));
  await rejects(client.wait(message(ControllerWaitRequest, id), METADATA), hasCode("NOT_FOUND"));
  await rejects(client.platform(message(ControllerPlatformRequest, id), METADATA), hasCode("NOT_FOUND"));
  client.close();
});

e2eOurs("the sandboxer refuses ids that could be paths", node, async (node) => {
  const client = controller(node);
  for (const sandboxId of ["", "../../etc", "a/b", "x".repeat(500), "-a", "a\0b"]) {
    const request = message(ControllerCreateRequest, { sandboxId });
    await rejects(client.create(request, METADATA), hasCode("INVALID_ARGUMENT"), JSON.stringify(sandboxId));
  }
  client.close();
});

e2eOurs("a second Create of one id is ALREADY_EXISTS", node, async (node) => {
  const client = controller(node);
  const sandboxId = "twice-" + crypto.randomUUID();
  await client.create(message(ControllerCreateRequest, { sandboxId }), METADATA);
  const again = client.create(message(ControllerCreateRequest, { sandboxId }), METADATA);
  await rejects(again, hasCode("ALREADY_EXISTS"));
  await client.stop(message(ControllerStopRequest, { sandboxId }), METADATA);
  await client.shutdown(message(ControllerShutdownRequest, { sandboxId }), METADATA);
  const status = client.status(message(ControllerStatusRequest, { sandboxId }), METADATA);
  await rejects(status, hasCode("NOT_FOUND"));
  client.close();
});

/** What a broken or hostile client may send; none of it may disturb others. */
const GARBAGE: readonly [what: string, bytes: Uint8Array][] = [
  ["text", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")],
  ["zeros", new Uint8Array(64)],
  ["a frame of 4 GiB", new Uint8Array([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1, 0])],
  [
    "a frame just over the limit",
    new Uint8Array([0, 0x40, 0, 1, 0, 0, 0, 1, 1, 0, ...new Array(100).fill(7)]),
  ],
  ["an unknown frame type", new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1, 99, 0])],
  ["a request that is no protobuf", new Uint8Array([0, 0, 0, 4, 0, 0, 0, 1, 1, 0, 0xff, 0xff, 0xff, 0xff])],
  ["an even stream id", new Uint8Array([0, 0, 0, 0, 0, 0, 0, 2, 1, 0])],
  ["half a header", new Uint8Array([0, 0, 0])],
  [
    "an HTTP/2 preface and a broken frame",
    new Uint8Array([
      ...new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      ...[0xff, 0xff, 0xff, 0x42, 0xff, 0xff, 0xff, 0xff, 0xff],
    ]),
  ],
];

for (const socket of ["prepare", "task", ...services]) {
  e2eOurs(`malformed and oversized frames on ${socket}.sock disturb nobody`, node, async (node) => {
    const pids = new Map(node.supervisor.pids);
    await Promise.all(GARBAGE.map(([, bytes]) => sendRaw(`${node.runDir}/${socket}.sock`, bytes)));
    deepStrictEqual(new Map(node.supervisor.pids), pids, "no process has ended");
    const pod = await node.runPod({ name: `after-garbage-${socket}` });
    const image = await node.image("busybox");
    const container = await pod.run({ name: "c", image, command: ["sleep", "100"] });
    strictEqual((await container.shell("echo fine")).stdout, "fine\n");
    await pod.remove();
    // One that has ended only just before the first look would have been started again by now.
    deepStrictEqual(new Map(node.supervisor.pids), pids, "no process has ended meanwhile");
  });
}

e2e("an image without the program it names fails to start with a clear reason", node, async (node) => {
  await importArchive(
    node,
    ociImage("localhost/empty:test", [{ kind: "directory", path: "etc", mode: 0o755, origin: "test" }], {
      Entrypoint: ["/not/there"],
    }),
  );
  const pod = await node.runPod({ name: "broken-image" });
  const container = await pod.create({ name: "c", image: "localhost/empty:test" });
  await rejects(container.start(), (error: KuasarError) => {
    match(error.message, /\/not\/there/);
    match(error.message, /no such file|not found/i);
    return true;
  });
  await container.remove();
  await pod.remove();
  await node.cri.images.removeImage({ image: { image: "localhost/empty:test", annotations: {} } });
});

e2e("an archive that is cut off is refused", node, async (node) => {
  const content = crypto.getRandomValues(new Uint8Array(10_000));
  const file = { kind: "file" as const, path: "file", mode: 0o644, content, origin: "test" };
  const whole = ociImage("localhost/cut:test", [file], { Entrypoint: ["/file"] });
  await rejects(importArchive(node, whole.slice(0, 4_000)), hasCode("INVALID_ARGUMENT"));
});

/** Runs a service with a configuration file and returns how it ended. */
async function runWithConfig(main: string, toml: string): Promise<{ code: number; stderr: string }> {
  const dir = await Deno.makeTempDir({ prefix: "kc-" });
  try {
    await Deno.writeTextFile(`${dir}/config.toml`, toml);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", `${root}/${main}`]
        .concat(["--run-dir", dir, "--config", `${dir}/config.toml`]),
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const { code, stderr } = await child.output();
    clearTimeout(timer);
    return { code, stderr: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const CONFIGS = [
  {
    main: "drivers/qemu/main.ts",
    toml: `[sandbox]\nlog_level = "info"\n\n[hypervisor]\nkernel_pat = "/x"\n`,
    line: 5,
    wrong: "kernel_pat",
    nearest: "kernel_path",
  },
  {
    main: "services/sandboxer/main.ts",
    toml: `clock_sync_ms = 0\n[timeouts]\nstart = 1000\n`,
    line: 3,
    wrong: "start",
    nearest: "start_ms",
  },
  {
    main: "services/storage/main.ts",
    toml: `[virtiofsd]\npaht = "/usr/libexec/virtiofsd"\n`,
    line: 2,
    wrong: "paht",
    nearest: "path",
  },
];

for (const { main, toml, line, wrong, nearest } of CONFIGS) {
  e2eOurs(`${main} names an unknown key with its file, line and the nearest key`, node, async () => {
    const { code, stderr } = await runWithConfig(main, toml);
    strictEqual(code, 2, stderr);
    match(stderr, new RegExp(`config\\.toml:${line}\\b`));
    match(stderr, new RegExp(`\\b${wrong}\\b`));
    match(stderr, new RegExp(`\\b${nearest}\\b`));
  });
}
