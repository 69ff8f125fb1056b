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

/**
 * An image with one layer as a tar of an OCI image layout, which `ctr image import` takes in under `reference`.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export function ociImage(
  reference: string,
  entries: readonly Entry[],
  config: ImageConfig,
): Uint8Array<ArrayBuffer> {
  const layerTar = tar(entries);
  const layer = blob(gzipSync(layerTar, { level: 6 }) as Uint8Array<ArrayBuffer>);
  const configBlob = blob(json({
    architecture: "amd64",
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config,
    rootfs: { type: "layers", diff_ids: [`sha256:${blob(layerTar).digest}`] },
    history: [{ created: "1970-01-01T00:00:00Z", created_by: "kuasar" }],
  }));
  const descriptor = (mediaType: string, b: Blob) => ({
    mediaType,
    digest: `sha256:${b.digest}`,
    size: b.size,
  });
  const manifest = blob(json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: descriptor("application/vnd.oci.image.config.v1+json", configBlob),
    layers: [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
  }));
  const index = json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{
      ...descriptor("application/vnd.oci.image.manifest.v1+json", manifest),
      platform: { architecture: "amd64", os: "linux" },
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
    ...[configBlob, layer, manifest].map((b) => file(`blobs/sha256/${b.digest}`, b.content)),
  ]);
}
