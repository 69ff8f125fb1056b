import { dialGuest } from "../../host/dial.ts";
import * as sys from "../sys.js";
import { directory, equal, test, until } from "./check.ts";

test("a connection to a hybrid vsock that is given up is not ended before it was answered", async () => {
  const path = `${directory}/vm.vsock`;
  const listener = sys.listenUnix(path);
  const endpoint = { kind: { $case: "hybridPath" as const, value: path }, secret: "" };
  const dialed = dialGuest(endpoint, 1024, 50).then(() => "connected", ({ code }) => code);
  let peer = -1;
  await until(() => (peer = sys.accept(listener)?.fd ?? -1) >= 0);
  equal(await dialed, "DEADLINE_EXCEEDED");
  const bytes = new Uint8Array(64);
  equal(sys.utf8Decode(bytes.subarray(0, sys.read(peer, bytes))), "CONNECT 1024\n");
  // Still there, with nothing to say.
  equal(sys.read(peer, bytes), -1);
  sys.write(peer, sys.utf8Encode("OK 1\n"));
  await until(() => sys.read(peer, bytes) === 0);
  sys.close(peer);
  sys.close(listener);
});
