import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import { type Cri, message } from "../../../lib/cri/mod.ts";
import { ImageSpec, ListImagesRequest, PullImageRequest } from "../../../lib/proto/gen/runtime/v1/cri.ts";

const PULL_TIMEOUT_MS = 600_000;

/** So many images of the node are named where one is not there. */
const NAMED_IMAGES = 8;

/**
 * Sees that the node has an image, and pulls it where it has not.
 *
 * @param address of containerd, for the message
 * @throws KuasarError NOT_FOUND with what to do
 */
export async function provideImage(
  cri: Cri,
  name: string,
  options: { address: string; signal: AbortSignal; say: (text: string) => void },
): Promise<void> {
  const image = message(ImageSpec, { image: name });
  if ((await cri.images.imageStatus({ image })).image) return;
  options.say(`pulling ${name}`);
  try {
    const call = { timeoutMs: PULL_TIMEOUT_MS, signal: options.signal };
    await cri.images.pullImage(message(PullImageRequest, { image }), call);
  } catch (error) {
    options.signal.throwIfAborted();
    const { images } = await cri.images.listImages(message(ListImagesRequest));
    const tags = images.flatMap(({ repoTags }) => repoTags).sort();
    throw new KuasarError(
      "NOT_FOUND",
      `Cannot use the image ${name}: the node does not have it, and it cannot be pulled`,
      {
        cause: error,
        evidence: [
          asKuasarError(error).message,
          `from a file: ctr --address ${options.address} --namespace k8s.io images import FILE.tar`,
          `the node has: ${tags.slice(0, NAMED_IMAGES).join(", ") || "none"}${
            tags.length > NAMED_IMAGES ? `, and ${tags.length - NAMED_IMAGES} more` : ""
          }`,
        ],
      },
    );
  }
}
