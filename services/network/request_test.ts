import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import type { PodLink } from "./pod_network.ts";
import { podFiles } from "./pod_files.ts";
import { checkAttachRequest } from "./request.ts";
import { attachRequest } from "./testing/fixture.ts";

for (
  const [field, value] of [
    ["sandboxId", ""],
    ["sandboxId", "../x"],
    ["sandboxId", "a".repeat(129)],
    ["netnsPath", "relative"],
    ["hostname", "a b"],
    ["hostname", "-a"],
    ["hostname", "a".repeat(65)],
    ["hostname", "evil\n10.0.0.1 bank"],
    ["dnsServers", ["10.0.0.1\noptions x"]],
    ["dnsServers", ["dns.example"]],
    ["dnsServers", new Array(65).fill("10.0.0.1")],
    ["dnsSearches", ["a b"]],
    ["dnsOptions", ["ndots:5\nnameserver 1.2.3.4"]],
    ["queues", 257],
  ] as const
) {
  Deno.test(`the request ${field} = ${JSON.stringify(value).slice(0, 40)} is refused`, () => {
    throws(() => checkAttachRequest({ ...attachRequest("/x"), [field]: value }), {
      code: "INVALID_ARGUMENT",
    });
  });
}

Deno.test("an accepted request can add no line to a file", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", ".", "1", "\n", " ", "\t", "#", ":", "-"),
    maxLength: 12,
  });
  fc.assert(fc.property(text, text, text, text, (hostname, server, search, option) => {
    const request = attachRequest("/x", {
      hostname,
      dnsServers: [server],
      dnsSearches: [search],
      dnsOptions: [option],
    });
    try {
      checkAttachRequest(request);
    } catch {
      return;
    }
    const [hostnameFile, , resolv] = podFiles(request, []).map(({ content }) =>
      new TextDecoder().decode(content)
    );
    strictEqual(hostnameFile!.split("\n").length, 2);
    strictEqual(resolv!.split("\n").length, 4);
  }));
});

Deno.test("without DNS settings the host's list is taken, the real one of systemd-resolved first", () => {
  const directory = Deno.makeTempDirSync();
  try {
    const host = {
      hosts: `${directory}/hosts`,
      resolvConf: [`${directory}/missing`, `${directory}/resolv.conf`],
      hostname: `${directory}/hostname`,
    };
    Deno.writeTextFileSync(host.hostname, "node-1\n");
    Deno.writeTextFileSync(host.hosts, "10.0.0.9 registry\n");
    Deno.writeTextFileSync(host.resolvConf[1]!, "nameserver 10.0.0.53\n");
    const request = attachRequest("", { hostname: "", dnsServers: [], dnsSearches: [], dnsOptions: [] });
    const files = podFiles(request, undefined, host).map(({ content }) => new TextDecoder().decode(content));
    deepStrictEqual(files, ["node-1\n", "10.0.0.9 registry\n", "nameserver 10.0.0.53\n"]);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("the pod's own line names the first address of each family", () => {
  const address = (family: number, text: string) => ({
    linkIndex: 2,
    family,
    address: text,
    prefixLength: 24,
    isLinkLocal: false,
  });
  const links = [{ addresses: [] }, {
    addresses: [address(10, "fd00::2"), address(2, "10.0.0.2"), address(2, "10.0.0.3")],
  }] as unknown as PodLink[];
  const hosts = new TextDecoder().decode(podFiles(attachRequest("/x"), links)[1]!.content);
  ok(hosts.startsWith("127.0.0.1\tlocalhost\n"));
  ok(hosts.endsWith("10.0.0.2\tweb-1\nfd00::2\tweb-1\n"));
  ok(!hosts.includes("10.0.0.3"));
});
