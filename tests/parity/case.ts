import type { ContainerOptions, PodOptions } from "../../lib/cri/mod.ts";
import type { Container, Node, Pod } from "../harness/mod.ts";
import type { KindName } from "./kinds.ts";

/** Where a case runs: in one pod of one kind. */
export interface Place {
  node: Node;
  pod: Pod;
  /** Of the tests' own image. */
  image: string;
  /** A folder of the host for this group and kind alone; what `prepare` has put there. */
  dir: string;
  /** That of the group, which sleeps; a case that makes its own does not use it. */
  container: Container;
  /** A name that no other container of the pod has. */
  nextName(): string;
  /**
   * Runs a container of its own to its end.
   *
   * @returns its output and, on a line of its own, how it ended; or why it did not start
   */
  runToEnd(options: Partial<ContainerOptions>): Promise<string>;
}

/** Something that a kind does otherwise than stock runc. */
export interface Difference {
  kinds: readonly KindName[];
  /**
   * What is seen instead of lines of stock runc's outcome, exactly: a difference that is gone, or another one, fails. Empty text
   * on the right is nothing in their place; `*` on the left is all of the outcome.
   */
  instead: Readonly<Record<string, string>>;
  /** Why, as one sentence for people who use it. */
  why: string;
  /** True for a fault that is known and to be mended, and not by design. */
  fault?: true;
}

/** One outcome, looked at under stock runc and under each kind. */
export type Case =
  & { name: string; differs?: readonly Difference[] }
  & (
    /** Lines of busybox's shell; its output and exit code are the outcome. */
    | { script: string }
    /** Anything else; what it returns is the outcome. */
    | { act: (place: Place) => Promise<string> }
  );

/** Cases in one container. */
export interface Group {
  name: string;
  /** Those who want the same share a pod. */
  pod?: Partial<PodOptions>;
  container?: Partial<ContainerOptions>;
  /** Volumes below the group's folder, by the path in the container. */
  volumes?: Readonly<Record<string, { path: string; readonly?: boolean }>>;
  /** Puts into the group's folder what the volumes are to show. */
  prepare?: (dir: string) => Promise<void>;
  /** Undoes what of it the removal of the folder does not. */
  cleanUp?: (dir: string) => void;
  cases: readonly Case[];
}

/** What Linux and OCI promise about one thing. */
export interface Area {
  name: string;
  /** Whom it is about; those of `KIND_NAMES` unless given. */
  kinds?: readonly KindName[];
  groups: readonly Group[];
}
