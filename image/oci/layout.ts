import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Entry } from "../entry.ts";
import { tar } from "./tar.ts";

/** How a container of the image starts, as the OCI image configuration has it. */
export interface ImageConfig {
  Entrypoint?: readonly string[];
  Cmd?: readonly string[];
  Env?: readonly string[];
  WorkingDir?: string;
  ExposedPorts?: Record<string, Record<never, never>>;
  StopSignal?: string;
}

interface Blob {
  digest: string;
  size: number;
  content: Uint8Array<ArrayBuffer>;
}

function blob(content: Uint8Array<ArrayBuffer>): Blob {
  const digest = createHash("sha256").update(content).digest("hex");
  return { digest, size: content.length, content };
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value)) as Uint8Array<ArrayBuffer>;
}

/** A blob with its kind, as a manifest names it. */
interface Part {
  mediaType: string;
  content: Uint8Array<ArrayBuffer>;
}

/** What the archive of an image or artifact is made from. */
export interface Archive {
  /** The name under which containerd knows it. */
  reference: string;
  config: { mediaType: string; value: unknown };
  layers: readonly Part[];
  platform: { architecture: string; os: string };
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/**
 * A tar of an OCI image layout, which `ctr image import` takes in under its reference.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export function ociArchive({ reference, config, layers, platform }: Archive): Uint8Array<ArrayBuffer> {
  const descriptor = (mediaType: string, b: Blob) => ({
    mediaType,
    digest: `sha256:${b.digest}`,
    size: b.size,
  });
  const configBlob = blob(json(config.value));
  const layerBlobs = layers.map(({ mediaType, content }) => ({ mediaType, blob: blob(content) }));
  const manifest = blob(json({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: descriptor(config.mediaType, configBlob),
    layers: layerBlobs.map(({ mediaType, blob }) => descriptor(mediaType, blob)),
  }));
  const index = json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{
      ...descriptor(MANIFEST, manifest),
      platform,
      annotations: {
        "io.containerd.image.name": reference,
        "org.opencontainers.image.ref.name": reference.split(":").at(-1),
      },
    }],
  });
  const file = (path: string, content: Uint8Array): Entry => ({
    kind: "file",
    path,
    mode: 0o644,
    content,
    origin: "kuasar",
  });
  return tar([
    file("oci-layout", json({ imageLayoutVersion: "1.0.0" })),
    file("index.json", index),
    ...[configBlob, ...layerBlobs.map(({ blob }) => blob), manifest].map((b) =>
      file(`blobs/sha256/${b.digest}`, b.content)
    ),
  ]);
}

/** An image with one layer, see {@link ociArchive}. */
export function ociImage(
  reference: string,
  entries: readonly Entry[],
  config: ImageConfig,
  platform: Archive["platform"] = { architecture: "amd64", os: "linux" },
): Uint8Array<ArrayBuffer> {
  const layerTar = tar(entries);
  return ociArchive({
    reference,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      value: {
        ...platform,
        created: "1970-01-01T00:00:00Z",
        config,
        rootfs: { type: "layers", diff_ids: [`sha256:${blob(layerTar).digest}`] },
        history: [{ created: "1970-01-01T00:00:00Z", created_by: "kuasar" }],
      },
    },
    layers: [{
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      content: gzipSync(layerTar, { level: 6 }) as Uint8Array<ArrayBuffer>,
    }],
    platform,
  });
}
