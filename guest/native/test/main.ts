/** Tests of the native module, run inside of it: `guest/native_test.ts` builds this with the sanitizers. */
import "../../runtime/globals.ts";
import "./arguments.ts";
import "./dial.ts";
import "./files.ts";
import "./full_disk.ts";
import "./gate.ts";
import "./loopback.ts";
import "./loop.ts";
import "./pause.ts";
import "./process.ts";
import "./relay.ts";
import "./runtime.ts";
import "./runtime_call.ts";
import "./sockets.ts";
import "./stdio.ts";
import "./text.ts";
import "./tunnel.ts";
import { runAll } from "./check.ts";

void runAll();
