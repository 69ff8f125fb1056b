import { CallTranscript } from "../../host/call_transcript.ts";
import { type ContainerRecord, RecordStore } from "../../host/record.ts";
import * as sys from "../sys.js";
import { directory, equal, fails, test } from "./check.ts";

/** Runs in a small file system of its own. Only root may mount one. */
function onSmallDisk(run: (disk: string) => void): void {
  if (sys.geteuid() !== 0) return sys.logWrite("not root: without a full disk\n");
  const disk = `${directory}/disk`;
  sys.mkdirAll(disk);
  sys.mount("tmpfs", disk, "tmpfs", 0, "size=128k");
  try {
    run(disk);
  } finally {
    sys.umount(disk, sys.MNT.DETACH);
  }
}

/** @returns gives the room back */
function fill(disk: string): () => void {
  const path = `${disk}/rest`;
  fails("ENOSPC", () => sys.writeFile(path, new Uint8Array(1 << 20)));
  return () => sys.unlink(path);
}

const names = (disk: string) => sys.readdir(disk).map(({ name }) => name).filter((name) => name !== "rest");
const openIn = (path: string) => CallTranscript.load(path)?.open.map(({ streamId }) => streamId);

test("the calls of a connection are noted on a disk that has filled up, however many they are", () => {
  onSmallDisk((disk) => {
    const path = `${disk}/connection`;
    const transcript = new CallTranscript(path);
    transcript.begin(1, new Uint8Array(100));
    const free = fill(disk);
    for (let id = 3; id < 2001; id += 2) {
      transcript.begin(id, new Uint8Array(150));
      equal(openIn(path), [1, id]);
      transcript.end(id);
    }
    equal(CallTranscript.load(path)?.lastStreamId, 1999);
    equal(names(disk), ["connection"]);
    free();
    transcript.remove();
    equal(names(disk), []);
  });
});

test("what has no room on a full disk is given up and noted again when there is some, and nothing throws", () => {
  onSmallDisk((disk) => {
    const path = `${disk}/connection`;
    const transcript = new CallTranscript(path);
    let free = fill(disk);
    transcript.begin(1, new Uint8Array(64 << 10));
    equal(names(disk), []);
    free();
    // Not before a moment has passed.
    for (const end = sys.nowMs() + 30_000; names(disk).length === 0 && sys.nowMs() < end;) {
      transcript.begin(3, new Uint8Array(9));
    }
    equal(openIn(path), [1, 3]);
    free = fill(disk);
    const late = new CallTranscript(`${disk}/late`);
    late.begin(1, new Uint8Array(9));
    equal(names(disk), ["connection"]);
    late.remove();
    transcript.remove();
    free();
  });
});

test("a record on a full disk follows its container as far as it fits, and no new one is begun", () => {
  onSmallDisk((disk) => {
    const records = new RecordStore(disk);
    const record = { id: "c1", phase: "preparing", execs: {} } as unknown as ContainerRecord;
    const load = () =>
      records.load((_, error) => {
        throw error;
      }).map(({ id, phase }) => `${id} ${phase}`);
    records.save(record);
    const free = fill(disk);
    record.phase = "created";
    records.note(record);
    equal(load(), ["c1 created"]);
    record.phase = "releasing";
    record.bundle = "x".repeat(5000);
    records.note(record);
    equal(load(), ["c1 created"]);
    fails("ENOSPC", () => records.save({ ...record, id: "c2" }));
    equal(names(disk), ["c1.json"]);
    record.bundle = "";
    records.note(record);
    equal(load(), ["c1 releasing"]);
    records.remove("c1");
    free();
    equal(names(disk), []);
  });
});
