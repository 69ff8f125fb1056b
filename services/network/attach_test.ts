import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { openTapQueue, unpinNetns, withNetns } from "../../lib/libc/mod.ts";
import { addIngressQdisc, hasIngressQdisc, listIngressFilters, listLinks } from "../../lib/netlink/mod.ts";
import { attach } from "./attach.ts";
import { detach } from "./detach.ts";
import { recover } from "./recover.ts";
import { attachRequest, linkNamed, NEEDS_ROOT, POD_MAC, withFds, withPod } from "./testing/fixture.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test(
  "the answer holds what the CNI plugin has set up",
  NEEDS_ROOT,
  withPod(async ({ pod, inPod, state, log }) => {
    const answer = await attach(state, attachRequest(pod), log);
    const { index } = linkNamed(inPod, "eth0");
    const tap = `tap_kua_${index}`;
    deepStrictEqual(answer.nics, [{ tap, netnsPath: pod, mac: POD_MAC, mtu: 1400, queues: 1, link: "eth0" }]);
    const [lo, eth0] = answer.interfaces;
    deepStrictEqual([lo!.name, lo!.IPAddresses], ["lo", []]);
    deepStrictEqual(eth0!.IPAddresses.map(({ family, address, mask }) => ({ family, address, mask })), [
      { family: 0, address: "10.9.0.2", mask: "24" },
      { family: 1, address: "fd09::2", mask: "64" },
    ]);
    deepStrictEqual([eth0!.name, eth0!.hwAddr, eth0!.mtu], ["eth0", POD_MAC, 1400n]);
    deepStrictEqual(
      answer.routes.map(({ dest, gateway, device, family }) => [dest, gateway, device, family]),
      [
        ["10.9.0.0/24", "", "eth0", 0],
        ["fd09::/64", "", "eth0", 1],
        ["", "10.9.0.1", "eth0", 0],
        ["", "fd09::1", "eth0", 1],
      ],
    );
    deepStrictEqual(answer.neighbors.map(({ address, hwAddr }) => [address!.address, hwAddr]), [
      ["10.9.0.1", "02:00:00:00:00:01"],
    ]);
    const files = new Map(answer.files.map(({ name, content }) => [name, decode(content)]));
    strictEqual(files.get("hostname"), "web-1\n");
    ok(files.get("hosts")!.endsWith("10.9.0.2\tweb-1\nfd09::2\tweb-1\n"));
    strictEqual(
      files.get("resolv.conf"),
      "search default.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
    );
    const made = linkNamed(inPod, tap);
    deepStrictEqual([made.kind, made.mtu, made.flags & 1], ["tun", 1400, 1]);
    deepStrictEqual(listIngressFilters(inPod, index).map(({ redirectTo }) => redirectTo), [made.index]);
    deepStrictEqual(listIngressFilters(inPod, made.index).map(({ redirectTo }) => redirectTo), [index]);
  }),
);

Deno.test(
  "repeating an attach gives the same answer, a detach leaves nothing",
  NEEDS_ROOT,
  withPod(async (fixture) => {
    const { pod, inPod, state, log } = fixture;
    const before = listLinks(inPod).map(({ name }) => name);
    const first = await attach(state, attachRequest(pod), log);
    deepStrictEqual(await attach(state, attachRequest(pod), log), first);
    strictEqual(listLinks(inPod).length, before.length + 1);
    strictEqual(listIngressFilters(inPod, linkNamed(inPod, "eth0").index).length, 1);
    await rejects(attach(state, attachRequest(pod, { queues: 2 }), log), { code: "FAILED_PRECONDITION" });

    await detach(state, "s1", log);
    await detach(state, "s1", log);
    deepStrictEqual(listLinks(inPod).map(({ name }) => name), before);
    strictEqual(hasIngressQdisc(inPod, linkNamed(inPod, "eth0").index), false);
    deepStrictEqual(state.attachments.ids(), []);
  }),
);

Deno.test(
  "a tap has as many queues as were asked for",
  NEEDS_ROOT,
  withPod(async ({ pod, state, log }) => {
    const { nics } = await attach(state, attachRequest(pod, { queues: 3 }), log);
    const fds = withNetns(pod, () => [1, 2, 3].map(() => openTapQueue(nics[0]!.tap, true)));
    await withFds(fds, () => strictEqual(new Set(fds).size, 3));
  }),
);

Deno.test(
  "a detach works while a VMM has the tap open, and keeps an ingress qdisc that is not ours",
  NEEDS_ROOT,
  withPod(async (fixture) => {
    const { pod, inPod, state, log } = fixture;
    const { index } = linkNamed(inPod, "eth0");
    addIngressQdisc(inPod, index);
    const { nics } = await attach(state, attachRequest(pod), log);
    const fd = withNetns(pod, () => openTapQueue(nics[0]!.tap, false));
    await withFds([fd], async () => {
      await attach(state, attachRequest(pod), log);
      await detach(state, "s1", log);
      ok(!listLinks(inPod).some(({ name }) => name === nics[0]!.tap));
      ok(hasIngressQdisc(inPod, index));
      deepStrictEqual(listIngressFilters(inPod, index), []);
    });
  }),
);

Deno.test(
  "a namespace that is gone is no obstacle to a detach, but to an attach",
  NEEDS_ROOT,
  withPod(async (fixture) => {
    const { pod, state, log, directory } = fixture;
    await attach(state, attachRequest(pod), log);
    unpinNetns(pod);
    await detach(state, "s1", log);
    deepStrictEqual(state.attachments.ids(), []);
    await rejects(attach(state, attachRequest(pod), log), { code: "FAILED_PRECONDITION" });
    Deno.writeTextFileSync(pod, "no namespace");
    await rejects(attach(state, attachRequest(pod), log), { code: "FAILED_PRECONDITION" });
    await rejects(attach(state, attachRequest(`${directory}/pod/below`), log), {
      code: "FAILED_PRECONDITION",
    });
    deepStrictEqual(state.attachments.ids(), []);
  }),
);

Deno.test(
  "a pod on the host's network gets the files and no NIC",
  NEEDS_ROOT,
  withPod(async ({ state, log }) => {
    const answer = await attach(state, attachRequest("", { hostname: "" }), log);
    deepStrictEqual([answer.nics, answer.interfaces, answer.routes, answer.neighbors], [[], [], [], []]);
    deepStrictEqual(answer.files.map(({ name }) => name), ["hostname", "hosts", "resolv.conf"]);
    strictEqual(decode(answer.files[0]!.content).trim(), Deno.hostname());
    deepStrictEqual(state.attachments.ids(), ["s1"]);
    await detach(state, "s1", log);
    deepStrictEqual(state.attachments.ids(), []);
  }),
);

Deno.test(
  "recovery keeps what is attached, undoes what was cut short, forgets what is gone",
  NEEDS_ROOT,
  withPod(async (fixture) => {
    const { pod, peer, inPod, inPeer, state, log } = fixture;
    const kept = await attach(state, attachRequest(pod), log);
    await attach(state, attachRequest(peer, { sandboxId: "s2" }), log);
    state.attachments.put("s2", { ...state.attachments.get("s2")!, phase: "attaching" });
    state.attachments.put("s3", { ...state.attachments.get("s1")!, netnsIdentity: "0:0" });
    await recover(state, log);
    deepStrictEqual(state.attachments.ids(), ["s1"]);
    ok(linkNamed(inPod, kept.nics[0]!.tap));
    ok(!listLinks(inPeer).some(({ kind }) => kind === "tun"));
  }),
);
