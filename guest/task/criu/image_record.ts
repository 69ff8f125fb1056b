import { KuasarError } from "../../../lib/errors/mod.ts";
import type { StdioKeys } from "./config.ts";
import type { SharedOptions } from "./options.ts";

/** What a restore must know about a checkpoint and CRIU's own files do not tell; it lies beside them. */
export interface ImageRecord {
  keys: StdioKeys;
  options: SharedOptions;
}

/** Its name in the directory of a checkpoint. */
export const RECORD_FILE = "kuasar.json";

/** A checkpoint of somebody else's: its stdio are pipes, of which the runtime itself takes care. */
export const FOREIGN: ImageRecord = {
  keys: [[], [], []],
  options: {
    openTcp: false,
    externalUnixSockets: false,
    terminal: false,
    fileLocks: false,
    emptyNetwork: false,
  },
};

const KEY = /^file\[[0-9a-f]{1,8}:[0-9a-f]{1,16}\]$/;
const MAX_KEYS = 16;

/** Reads a record, which comes from wherever the checkpoint does. @throws KuasarError INVALID_ARGUMENT */
export function parseImageRecord(text: string): ImageRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw bad("it is no JSON", cause);
  }
  const { keys, options } = (value ?? {}) as { keys?: unknown; options?: Record<string, unknown> };
  const lists = Array.isArray(keys) && keys.length === 3 ? keys : undefined;
  if (!lists?.every((names) => Array.isArray(names) && names.length <= MAX_KEYS && names.every(isKey))) {
    throw bad("its keys are not three lists of file[<mount>:<inode>]");
  }
  const flag = (name: keyof SharedOptions) => options?.[name] === true;
  return {
    keys: lists as unknown as StdioKeys,
    options: {
      openTcp: flag("openTcp"),
      externalUnixSockets: flag("externalUnixSockets"),
      terminal: flag("terminal"),
      fileLocks: flag("fileLocks"),
      emptyNetwork: flag("emptyNetwork"),
    },
  };
}

function isKey(value: unknown): boolean {
  return typeof value === "string" && KEY.test(value);
}

function bad(reason: string, cause?: unknown): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot read the checkpoint's ${RECORD_FILE}: ${reason}`, {
    cause,
  });
}
