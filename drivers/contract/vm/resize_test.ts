import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import { type Resizable, resize, type VmSize } from "./resize.ts";

const SIZE: VmSize = { vcpus: 1, maxVcpus: 4, memoryMib: 256, maxMemoryMib: 768, balloonMib: 0 };

/** A VM that does what it is told, and writes it down. */
class FakeVm implements Resizable {
  readonly log: string[] = [];
  now: VmSize;
  constructor(size: Partial<VmSize> = {}) {
    this.now = { ...SIZE, ...size };
  }
  size = () => Promise.resolve({ ...this.now });
  plugVcpus(total: number): Promise<void> {
    this.log.push(`vcpus ${total}`);
    this.now.vcpus = total;
    return Promise.resolve();
  }
  plugMemory(total: number): Promise<void> {
    this.log.push(`memory ${total}`);
    this.now.memoryMib = total;
    return Promise.resolve();
  }
  setBalloon(mib: number): Promise<void> {
    this.log.push(`balloon ${mib}`);
    this.now.balloonMib = mib;
    return Promise.resolve();
  }
}

for (
  const [name, size, wanted, log] of [
    ["nothing", {}, [0, 0], []],
    ["what there is", {}, [1, 256], []],
    ["more of both", {}, [3, 512], ["vcpus 3", "memory 512"]],
    ["a part of a block", {}, [0, 300], ["memory 384", "balloon 84"]],
    ["less memory", {}, [0, 100], ["balloon 156"]],
    ["memory that the balloon has", { balloonMib: 100 }, [0, 256], ["balloon 0"]],
    ["fewer vCPUs", { vcpus: 4 }, [2, 0], []],
    ["vCPUs alone, beside a balloon", { balloonMib: 100 }, [2, 0], ["vcpus 2"]],
  ] as const
) {
  Deno.test(`a VM that is to have ${name}`, async () => {
    const vm = new FakeVm(size);
    await resize(vm, { vcpus: wanted[0], memoryMib: wanted[1] });
    deepStrictEqual(vm.log, log);
  });
}

for (
  const [vcpus, memoryMib, code] of [[5, 512, "RESOURCE_EXHAUSTED"], [2, 769, "RESOURCE_EXHAUSTED"], [
    2,
    63,
    "INVALID_ARGUMENT",
  ]] as const
) {
  Deno.test(`${vcpus} vCPUs and ${memoryMib} MiB cannot be had, and nothing changes`, async () => {
    const vm = new FakeVm();
    await rejects(resize(vm, { vcpus, memoryMib }), { code });
    deepStrictEqual(vm.log, []);
  });
}

Deno.test("whatever is asked for in whatever order, the guest has what was answered, within its room", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 0, max: 900 })), { maxLength: 8 }),
      async (asked) => {
        const vm = new FakeVm();
        for (const [vcpus, memoryMib] of asked) {
          const got = await resize(vm, { vcpus, memoryMib }).catch(() => undefined);
          const { now } = vm;
          ok(now.vcpus <= now.maxVcpus && now.memoryMib <= now.maxMemoryMib && now.balloonMib >= 0);
          if (!got) continue;
          deepStrictEqual(got, { vcpus: now.vcpus, memoryMib: now.memoryMib - now.balloonMib });
          if (memoryMib > 0) deepStrictEqual(got.memoryMib, memoryMib);
        }
      },
    ),
  ));
