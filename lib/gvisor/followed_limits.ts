/** Of a container: which limits of its sandbox follow those of its containers, in the words of {@link followedText}. */
export const LIMITS_ANNOTATION = "io.kuasar.gvisor.limits";

/** Which limits of a sandbox follow those of its containers, because the pod has none of its own. */
export interface Followed {
  /** What gVisor itself may use on top of the containers' memory; undefined where the pod has a limit. */
  overheadBytes: bigint | undefined;
  cpu: boolean;
}

/** `memory:<bytes of gVisor's own> cpu`, or less; empty where none follows. */
export function followedText({ overheadBytes, cpu }: Followed): string {
  return [
    ...(overheadBytes === undefined ? [] : [`memory:${overheadBytes}`]),
    ...(cpu ? ["cpu"] : []),
  ].join(" ");
}

/** Reads what {@link followedText} has written. Whatever else stands there is passed over. */
export function followedIn(text: string): Followed {
  const [, bytes] = /(?:^| )memory:(\d{1,18})(?: |$)/.exec(text) ?? [];
  return {
    overheadBytes: bytes === undefined ? undefined : BigInt(bytes),
    cpu: /(?:^| )cpu(?: |$)/.test(text),
  };
}
