import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { ContainerState } from "../../lib/proto/gen/runtime/v1/cri.ts";
import { openFilesOf, TASK_SERVER } from "../harness/mod.ts";
import { staticProgram } from "../harness/static_program.ts";
import { comparing, e2e, e2eForward, e2eOurs, e2eVm, services, underVm, useNode } from "./fixture.ts";
import { killAndWait } from "./kill_and_wait.ts";
import { MountNamespace } from "./mount_namespace.ts";

const node = useNode();

e2e("a pod with CNI runs a container from create to remove", node, async (node) => {
  const pod = await node.runPod({ name: "cni", hostname: "my-pod" });
  ok(await pod.isReady());
  match(await pod.ip(), /^10\.137\.\d+\.\d+$/);
  const container = await pod.create({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "echo started; exec sleep 1000"],
    env: { GREETING: "hello world" },
  });
  strictEqual((await container.status()).state, ContainerState.CONTAINER_CREATED);
  await container.start();
  ok(await container.isRunning());
  deepStrictEqual(await container.shell('echo "$GREETING"; hostname'), {
    stdout: "hello world\nmy-pod\n",
    stderr: "",
    exitCode: 0,
  });
  const { stdout } = await container.shell("ip -4 -o addr show eth0");
  ok(stdout.includes(await pod.ip()), `the guest has the pod's address: ${stdout}`);
  await container.waitForLog("started");
  await container.stop(1);
  strictEqual((await container.status()).state, ContainerState.CONTAINER_EXITED);
  await container.remove();
  await pod.stop();
  ok(!await pod.isReady());
  await pod.remove();
});

e2e("a pod on the host's network runs without an address of its own", node, async (node) => {
  const pod = await node.runPod({ name: "host-net", hostNetwork: true });
  strictEqual(await pod.ip(), "");
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  strictEqual((await container.shell("echo up")).stdout, "up\n");
  await pod.remove();
});

e2eOurs("no other mount namespace keeps a pod's mounts", node, async (node) => {
  await using before = await MountNamespace.start(node.runDir);
  const pod = await node.runPod({ name: "mounts" });
  await pod.run({ name: "c", image: await node.image("busybox"), command: ["sleep", "1000"] });
  deepStrictEqual(before.mountsOf(pod.id), [], "one that was there before sees none");
  await using during = await MountNamespace.start(node.runDir);
  await pod.remove();
  deepStrictEqual(during.mountsOf(pod.id), [], "one that has copied them loses them");
});

e2e("two containers of a pod share localhost", node, async (node) => {
  const pod = await node.runPod({ name: "two" });
  const image = await node.image("busybox");
  await pod.run({
    name: "server",
    image,
    command: [
      "sh",
      "-c",
      "mkdir -p /www && echo from-the-server > /www/index.html && exec httpd -f -p 8080 -h /www",
    ],
  });
  const client = await pod.run({ name: "client", image, command: ["sleep", "1000"] });
  const { stdout, stderr } = await client.shell(
    "for i in 1 2 3 4 5 6 7 8 9 10; do wget -q -O - http://127.0.0.1:8080/ && exit 0; sleep 0.2; done; exit 1",
  );
  strictEqual(stdout, "from-the-server\n", stderr);
  await pod.remove();
});

e2e("the host reaches a server in a pod on the pod's address", node, async (node) => {
  const pod = await node.runPod({ name: "reach" });
  const container = await pod.run({
    name: "server",
    image: await node.image("busybox"),
    command: [
      "sh",
      "-c",
      "mkdir -p /www && echo hello-host > /www/index.html && exec httpd -f -p 80 -h /www",
    ],
  });
  await container.shell(
    "for i in 1 2 3 4 5 6 7 8 9; do wget -q -O - http://127.0.0.1/ && exit 0; sleep 0.2; done",
  );
  const response = await fetch(`http://${await pod.ip()}/index.html`, { headers: { connection: "close" } });
  strictEqual(await response.text(), "hello-host\n");
  await pod.remove();
});

e2eForward("a port of the pod's localhost is forwarded", node, async (node) => {
  const pod = await node.runPod({ name: "forward" });
  const container = await pod.run({
    name: "server",
    image: await node.image("busybox"),
    command: ["sh", "-c", "mkdir /www && seq 20000 > /www/n && exec httpd -f -p 127.0.0.1:8081 -h /www"],
  });
  await container.shell(
    "for i in 1 2 3 4 5 6 7 8 9; do wget -q -O /dev/null http://127.0.0.1:8081/n && exit; sleep 0.2; done",
  );
  const get = async () => (await pod.forward(8081, "GET /n HTTP/1.0\r\n\r\n")).split("\r\n\r\n")[1];
  const expected = Array.from({ length: 20_000 }, (_, i) => `${i + 1}\n`).join("");
  strictEqual(await get(), expected);
  deepStrictEqual(await Promise.all([get(), get(), get()]), [expected, expected, expected]);
  // The next task server serves the ports of the pods it finds.
  if (underVm) {
    await killAndWait(node, TASK_SERVER);
    strictEqual(await get(), expected);
  }
  // Nobody listens there: refused, or taken and ended at once.
  strictEqual(await pod.forward(8082, "hello").catch(() => ""), "");
  await pod.remove();
});

e2e("DNS, hosts file and sysctls of the pod are the guest's", node, async (node) => {
  const pod = await node.runPod({
    name: "dns",
    hostname: "dns-pod",
    dnsServers: ["192.0.2.53"],
    dnsSearches: ["example.org"],
    sysctls: { "net.ipv4.ip_local_port_range": "2000 3000" },
  });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  const { stdout: resolv } = await container.shell("cat /etc/resolv.conf");
  match(resolv, /nameserver 192\.0\.2\.53/);
  match(resolv, /search example\.org/);
  // Kubernetes writes this file itself; stock containerd hands out the host's.
  if (!comparing) match((await container.shell("cat /etc/hosts")).stdout, /dns-pod/);
  match((await container.shell("cat /proc/sys/net/ipv4/ip_local_port_range")).stdout, /2000\s+3000/);
  await pod.remove();
});

e2e("stdout and stderr arrive in the log, each under its name", node, async (node) => {
  const pod = await node.runPod({ name: "logs" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "for i in 1 2 3; do echo out $i; echo err $i >&2; done"],
  });
  await container.waitForExit();
  deepStrictEqual(await container.logLines("stdout"), ["out 1", "out 2", "out 3"]);
  deepStrictEqual(await container.logLines("stderr"), ["err 1", "err 2", "err 3"]);
  await pod.remove();
});

e2e("ten pods start and end at once", node, async (node) => {
  const image = await node.image("busybox");
  const names = Array.from({ length: 10 }, (_, i) => `many-${i}`);
  const pods = await Promise.all(names.map((name) => node.runPod({ name }, 300_000)));
  const addresses = await Promise.all(pods.map((pod) => pod.ip()));
  strictEqual(new Set(addresses).size, pods.length);
  const outputs = await Promise.all(pods.map(async (pod, i) => {
    const container = await pod.run({ name: "c", image, command: ["sleep", "1000"] });
    return (await container.shell(`echo ${i}; hostname`)).stdout;
  }));
  deepStrictEqual(outputs, names.map((name, i) => `${i}\n${name}\n`));
  await Promise.all(pods.map((pod) => pod.remove()));
});

e2eOurs(
  "pods one after the other leave the number of open files of every service as it is",
  node,
  async (node) => {
    const image = await node.image("busybox");
    const onePod = async (name: string) => {
      const pod = await node.runPod({ name });
      const container = await pod.run({ name: "c", image, command: ["sleep", "1000"] });
      await container.exec(["true"]);
      await pod.remove();
    };
    const names = [...services, "kuasar-task", TASK_SERVER];
    const count = () => names.map((name) => `${name}: ${openFilesOf(node.processes.get(name)!)}`);
    // The first ones open what is opened once and lazily.
    for (let i = 0; i < 2; i++) await onePod(`before-${i}`);
    const before = count();
    for (let i = 0; i < 4; i++) await onePod(`after-${i}`);
    for (let waitedMs = 0; waitedMs < 10_000 && before.join() !== count().join(); waitedMs += 200) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    deepStrictEqual(count(), before);
  },
);

e2eVm("a container finds nobody on the guest's vsock", node, async (node) => {
  const program = await staticProgram("vsock_probe");
  const folder = program.slice(0, program.lastIndexOf("/"));
  const pod = await node.runPod({ name: "vsock" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
    mounts: [{ containerPath: "/probe", hostPath: folder, readonly: true }],
  });
  const { stdout } = await container.exec(["/probe/vsock_probe", "3", "1024", "1025", "1026", "1027"]);
  deepStrictEqual([...new Set(stdout.trim().split("\n").map((line) => line.split(" ")[1]))], [
    "EAFNOSUPPORT",
  ]);
  await pod.remove();
});

e2eVm("the guest runs a kernel of its own", node, async (node) => {
  const pod = await node.runPod({ name: "kernel" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  const { stdout } = await container.exec(["uname", "-r"]);
  ok(stdout.trim() !== Deno.osRelease(), `guest ${stdout.trim()}, host ${Deno.osRelease()}`);
  await pod.remove();
});
