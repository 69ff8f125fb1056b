import { createHash } from "node:crypto";

/** A file of a layer. */
export interface LayerFile {
  path: string;
  content: Uint8Array | string;
  mode?: number;
  /** Target of a symbolic link; `content` is then not used. */
  link?: string;
}

/** What an image is made of. */
export interface ImageOptions {
  /** Full reference, `localhost/broken:1`. */
  ref: string;
  files: readonly LayerFile[];
  entrypoint?: readonly string[];
  cmd?: readonly string[];
  env?: readonly string[];
  architecture?: string;
}

const BLOCK_BYTES = 512;
const encoder = new TextEncoder();

/** A ustar archive of `files`, with its closing blocks. */
export function tar(files: readonly LayerFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const file of files) {
    const body = file.link !== undefined
      ? new Uint8Array()
      : typeof file.content === "string"
      ? encoder.encode(file.content)
      : file.content;
    parts.push(header(file, body.length), body);
    parts.push(new Uint8Array((BLOCK_BYTES - body.length % BLOCK_BYTES) % BLOCK_BYTES));
  }
  parts.push(new Uint8Array(2 * BLOCK_BYTES));
  const all = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function header(file: LayerFile, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (at: number, text: string) => block.set(encoder.encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0") + "\0";
  const directory = file.path.endsWith("/");
  put(0, file.path);
  put(100, octal(file.mode ?? (directory ? 0o755 : 0o644), 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(size, 11));
  put(136, octal(0, 11));
  put(148, "        ");
  put(156, file.link !== undefined ? "2" : directory ? "5" : "0");
  put(157, file.link ?? "");
  put(257, "ustar\0" + "00");
  put(148, octal(block.reduce((sum, b) => sum + b, 0), 6) + " ");
  return block;
}

/** An OCI image layout with one image of one layer, as `ctr images import` takes it. */
export function ociArchive(options: ImageOptions): Uint8Array {
  const blobs: LayerFile[] = [];
  const blob = (content: Uint8Array, mediaType: string) => {
    const digest = createHash("sha256").update(content).digest("hex");
    blobs.push({ path: `blobs/sha256/${digest}`, content });
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const json = (value: unknown) => encoder.encode(JSON.stringify(value));
  const layer = blob(tar(options.files), "application/vnd.oci.image.layer.v1.tar");
  const config = blob(
    json({
      architecture: options.architecture ?? "amd64",
      os: "linux",
      config: { Entrypoint: options.entrypoint, Cmd: options.cmd, Env: options.env },
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    }),
    "application/vnd.oci.image.config.v1+json",
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = blob(json({ schemaVersion: 2, mediaType, config, layers: [layer] }), mediaType);
  const annotations = { "io.containerd.image.name": options.ref };
  const index = json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] });
  return tar([
    { path: "oci-layout", content: `{"imageLayoutVersion":"1.0.0"}` },
    { path: "index.json", content: index },
    { path: "blobs/", content: "" },
    { path: "blobs/sha256/", content: "" },
    ...blobs,
  ]);
}
