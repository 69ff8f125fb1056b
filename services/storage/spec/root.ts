import { type SpecStep } from "./step.ts";

export const root: SpecStep = {
  name: "root",
  why: "the rootfs is mounted at `rootfs` of the guest's bundle, wherever it was on the host",
  apply(spec) {
    return { spec: { ...spec, root: { ...spec.root, path: "rootfs" } } };
  },
};
