import { type Spec } from "../../../lib/oci/mod.ts";

/** What the steps know besides the spec. */
export interface SpecContext {
  containerId: string;
  /** True for a container that the sandbox was made for, without a pod. */
  ownSandbox?: boolean;
  /** The containers of the pod share one PID namespace. */
  sharePid: boolean;
  /**
   * Where in the guest the source of a bind mount is, by the mount's index in the spec. Steps before `volumes`
   * leave the mounts alone, so that the index holds.
   */
  guestSources: ReadonlyMap<number, string>;
  /** Of these, by the same index, those of which only the host knows what may be written to. */
  modesOfHost?: ReadonlySet<number>;
}

/** What a step made of a spec. */
export interface StepResult {
  spec: Spec;
  /** What was taken away and a person may miss; logged. */
  notes?: string[];
}

/** One step of the rewriting of a spec for the guest: pure, it returns a changed copy. */
export interface SpecStep {
  name: string;
  /** Stands in docs/storage.md too; a test keeps the two in step. */
  why: string;
  /** @throws KuasarError UNIMPLEMENTED or INVALID_ARGUMENT where the container cannot run in a VM */
  apply(spec: Spec, context: SpecContext): StepResult;
}

/** A copy of `value` without these properties. */
export function without<T extends object, K extends string>(value: T, ...keys: K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key as K))) as Omit<T, K>;
}
