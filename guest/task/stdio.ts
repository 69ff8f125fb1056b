import type { CreateOptions } from "./oci_runtime.ts";

/** Where a process's streams go: paths on a host, in a guest only whether they are wanted. Empty: not wanted. */
export interface IoRequest {
  terminal: boolean;
  stdin: string;
  stdout: string;
  stderr: string;
}

/** The streams of one process while it is being made. */
export interface ProcessIo {
  /** For the runtime. */
  readonly options: CreateOptions;
  /** After the runtime has started the process: lets go of the process's ends. */
  started(): Promise<void>;
  /** When there will be no process: closes everything. May be called twice. */
  discard(): void;
}

/** Makes and keeps the streams of processes. `exec` is empty for a container's init. */
export interface StdioProvider {
  make(container: string, exec: string, request: IoRequest): ProcessIo;
  /** End of input. */
  closeStdin(container: string, exec: string): void;
  /** @throws KuasarError FAILED_PRECONDITION where the process has no terminal */
  resize(container: string, exec: string, rows: number, columns: number): void;
  /** Forgets a process that is deleted. */
  remove(container: string, exec: string): void;
}
