/**
 * What runsc knows a container by. It takes the beginning of an id for the whole and refuses one that begins two, as `c1` does
 * where there is a `c10`: so each has an end mark, a sign that no id of containerd's has.
 */
export function endMarked(containerId: string): string {
  return `${containerId}+`;
}
