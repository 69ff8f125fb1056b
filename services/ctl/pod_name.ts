/** `namespace/name`; a sandbox that `ctr run` or Docker has made is in no namespace of Kubernetes. */
export function podName({ namespace, name }: { namespace: string; name: string }): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}
