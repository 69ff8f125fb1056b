import { createHash } from "node:crypto";
import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { ContentDefinition } from "../../lib/proto/gen/containerd/services/content/v1/content.ts";
import { ImagesDefinition } from "../../lib/proto/gen/containerd/services/images/v1/images.ts";
import type { Logger } from "../../lib/log/mod.ts";
import { type ArtifactLayer, wasmLayers } from "./artifact_manifest.ts";
import { FileCache } from "./file_cache.ts";

/** How much of artifacts is kept. */
export interface ArtifactLimits {
  /** Larger modules are refused. */
  maxBytes: number;
  /** All modules together; the least recently used go first. */
  limitBytes: number;
}

/** A manifest is a page of JSON. */
const MAX_MANIFEST_BYTES = 1024 * 1024;
const TIMEOUT_MS = 60_000;

/**
 * Reads modules of Wasm OCI artifacts from containerd's content store. An artifact has no file system: containerd pulls it
 * and makes containers of it with an empty root, and nobody else would put the module there.
 *
 * Connections live as long as a call: artifacts are rare.
 */
export class ArtifactStore {
  readonly #address: string;
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #cache: FileCache;
  #count = 0;

  /**
   * @param address unix socket of containerd's gRPC API
   * @param folder where modules are kept
   */
  constructor(address: string, folder: string, { maxBytes, limitBytes }: ArtifactLimits, log: Logger) {
    this.#address = address;
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#cache = new FileCache(folder, ".wasm", limitBytes, log);
  }

  /**
   * The Wasm layers of an image.
   *
   * @param namespace of containerd: `k8s.io`
   * @returns none where the image has no such layers, or where there is no such image
   * @throws {KuasarError} UNAVAILABLE where containerd does not answer, INVALID_ARGUMENT for a broken manifest
   */
  async layers(namespace: string, reference: string): Promise<ArtifactLayer[]> {
    const digest = await this.#manifestOf(namespace, reference);
    if (!digest) return [];
    const parts: Uint8Array[] = [];
    await this.#read(namespace, digest, MAX_MANIFEST_BYTES, (data) => void parts.push(data));
    return wasmLayers(new TextDecoder().decode(await new Blob(parts as BlobPart[]).arrayBuffer()), reference);
  }

  /**
   * The file of a layer.
   *
   * @throws {KuasarError} RESOURCE_EXHAUSTED for one that is too large, DATA_LOSS where it does not have its digest
   */
  async fetch(namespace: string, { digest }: ArtifactLayer): Promise<string> {
    const key = digest.slice("sha256:".length);
    const found = await this.#cache.find(key);
    if (found !== undefined) return found;
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o755 });
    const fresh = `${this.#folder}/.${key}.${Deno.pid}.${++this.#count}`;
    try {
      using file = await Deno.open(fresh, { write: true, create: true, truncate: true, mode: 0o444 });
      await this.#read(namespace, digest, this.#maxBytes, async (data) => {
        for (let at = 0; at < data.length;) at += await file.write(data.subarray(at));
      });
      return await this.#cache.add(key, fresh);
    } finally {
      await Deno.remove(fresh).catch(() => {});
    }
  }

  async #manifestOf(namespace: string, reference: string): Promise<string | undefined> {
    const images = grpcClient(ImagesDefinition, this.#address);
    try {
      return (await images.get({ name: reference }, optionsOf(namespace))).image?.target?.digest;
    } catch (error) {
      if (error instanceof KuasarError && error.code === "NOT_FOUND") return undefined;
      throw error;
    } finally {
      images.close();
    }
  }

  async #read(
    namespace: string,
    digest: string,
    maxBytes: number,
    take: (data: Uint8Array) => void | Promise<void>,
  ): Promise<void> {
    const hash = createHash("sha256");
    let length = 0;
    const content = grpcClient(ContentDefinition, this.#address);
    try {
      const answers = content.read({ digest, offset: 0n, size: 0n }, optionsOf(namespace));
      for await (const { data } of answers) {
        length += data.length;
        if (length > maxBytes) {
          throw new KuasarError(
            "RESOURCE_EXHAUSTED",
            `Cannot read ${digest}: it has more than ${maxBytes} bytes`,
          );
        }
        hash.update(data);
        await take(data);
      }
    } catch (error) {
      throw asKuasarError(error, `Cannot read ${digest} from containerd`);
    } finally {
      content.close();
    }
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== digest) {
      throw new KuasarError("DATA_LOSS", `Cannot use ${digest} from containerd: its digest is ${found}`);
    }
  }
}

function optionsOf(namespace: string) {
  return { timeoutMs: TIMEOUT_MS, metadata: { "containerd-namespace": namespace } };
}
