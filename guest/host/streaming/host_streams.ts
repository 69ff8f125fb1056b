import * as sys from "../../native/sys.js";
import type { DescriptorKeeper } from "../descriptor_keeper.ts";
import type { StdioPaths } from "../stdio.ts";
import { HostStream } from "./host_stream.ts";
import { stdioOf, streamNameIn } from "./stream_name.ts";

/** The streams of all processes (`io_type = "streaming"`), each with a FIFO that stands for it. */
export class HostStreams {
  readonly #directory: string;
  readonly #address: string;
  readonly #keeper: DescriptorKeeper | undefined;
  readonly #streams = new Map<string, HostStream>();

  /**
   * @param address by which containerd reaches this server
   * @param directory for the FIFOs
   */
  constructor(address: string, directory: string, keeper?: DescriptorKeeper) {
    this.#address = address;
    this.#keeper = keeper;
    this.#directory = directory;
    sys.mkdirAll(directory, 0o700);
  }

  /** The stream of this name, which may be asked for before the process to which it belongs. */
  open(name: string): HostStream {
    const known = this.#streams.get(name);
    if (known && !(known.closed && !known.claimed)) return known;
    const stream = new HostStream(this.#directory, name, this.#keeper);
    this.#streams.set(name, stream);
    return stream;
  }

  /** Where a process finds its stdio: FIFOs instead of streams. @throws KuasarError INVALID_ARGUMENT */
  pathsOf(stdio: StdioPaths): StdioPaths {
    return mapPaths(stdio, (text) => {
      const name = streamNameIn(text);
      if (name === undefined) return text;
      this.open(name).claimed = true;
      return `${this.#directory}/${name}`;
    });
  }

  /** The strings that containerd has given for what {@link pathsOf} made of them. */
  stdioOf(paths: StdioPaths): StdioPaths {
    return mapPaths(paths, (path) => {
      const name = this.#nameOf(path);
      return name === undefined ? path : stdioOf(this.#address, name);
    });
  }

  /** A process of an earlier run of this server has these. */
  adopt(paths: StdioPaths): void {
    for (const name of this.#namesIn(paths)) this.open(name).claimed = true;
    this.joined(paths);
  }

  /** A process has opened its stdio. */
  joined(paths: StdioPaths): void {
    for (const name of this.#namesIn(paths)) this.#streams.get(name)?.joined();
  }

  /** A process is gone, and with it its streams. */
  release(paths: StdioPaths): void {
    for (const name of this.#namesIn(paths)) this.#close(name);
  }

  /** Nobody carries a stream any more: one that no process has is over. */
  abandoned(stream: HostStream): void {
    if (!stream.claimed && !stream.carried && this.#streams.get(stream.name) === stream) {
      this.#close(stream.name);
    }
  }

  /** Every process of an earlier run has been adopted: removes the FIFOs of the others. */
  settle(): void {
    for (const { name } of sys.readdir(this.#directory)) {
      if (!this.#streams.has(name)) sys.unlink(`${this.#directory}/${name}`);
    }
  }

  #close(name: string): void {
    this.#streams.get(name)?.close();
    this.#streams.delete(name);
  }

  #nameOf(path: string): string | undefined {
    const prefix = `${this.#directory}/`;
    return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
  }

  #namesIn({ stdin, stdout, stderr }: StdioPaths): string[] {
    return [stdin, stdout, stderr].flatMap((path) => this.#nameOf(path) ?? []);
  }
}

function mapPaths(
  { stdin, stdout, stderr, terminal }: StdioPaths,
  map: (text: string) => string,
): StdioPaths {
  return { stdin: map(stdin), stdout: map(stdout), stderr: map(stderr), terminal };
}
