import type { ContainerdRelease } from "../../deploy/containerd/mod.ts";
import { installContainerd17 } from "../../deploy/host/containerd17.ts";
import type { NodeOptions } from "../harness/mod.ts";
import { PAUSE_REF } from "../harness/mod.ts";
import { handlerUnderTest, programsFor } from "./fixture.ts";

/** A node with containerd 1.7, which is fetched where it is not there yet. */
export async function containerd17(release: Exclude<ContainerdRelease, "2">): Promise<NodeOptions> {
  const programs = { ...await programsFor(handlerUnderTest()), ...await installContainerd17() };
  return { programs, containerdRelease: release, pauseImage: PAUSE_REF };
}
