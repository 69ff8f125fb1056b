// The program: a QuickJS runtime without its standard library, our module `sys`, and the agent's bytecode.
#include "greeter.h"
#include "jail.h"
#include "keeper.h"
#include "native.h"
#include "pause.h"
#include "preload.h"
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

// From the generated agent.c.
extern const uint8_t agent_bytecode[];
extern const uint32_t agent_bytecode_size;

enum {
  // A leak or a hostile peer ends in an exception here and not in the machine's OOM killer.
  HEAP_LIMIT = 128 << 20,
  // Garbage is collected when this much has been allocated since: small, because memory is what a guest has least of.
  GC_THRESHOLD = 256 * 1024,
  STACK_SIZE = 512 * 1024,
};

// What the agent needs of ECMAScript; no eval, no Date parsing beyond what costs nothing.
static JSContext *new_context(JSRuntime *rt) {
  JSContext *ctx = JS_NewContextRaw(rt);
  if (!ctx) return NULL;
  JS_AddIntrinsicBaseObjects(ctx);
  JS_AddIntrinsicDate(ctx);
  JS_AddIntrinsicStringNormalize(ctx);
  JS_AddIntrinsicRegExpCompiler(ctx);
  JS_AddIntrinsicRegExp(ctx);
  JS_AddIntrinsicJSON(ctx);
  JS_AddIntrinsicMapSet(ctx);
  JS_AddIntrinsicTypedArrays(ctx);
  JS_AddIntrinsicPromise(ctx);
  JS_AddIntrinsicWeakRef(ctx);
  return ctx;
}

static int run_agent(JSContext *ctx) {
  JSValue module = JS_ReadObject(ctx, agent_bytecode, agent_bytecode_size, JS_READ_OBJ_BYTECODE);
  if (!JS_IsException(module) && JS_ResolveModule(ctx, module) < 0) {
    JS_FreeValue(ctx, module);
    module = JS_EXCEPTION;
  }
  if (JS_IsException(module)) {
    log_exception(ctx, "cannot load the agent", JS_GetException(ctx));
    return 70;
  }
  // A rejected module promise is logged like every unhandled rejection.
  JSValue result = JS_EvalFunction(ctx, module);
  bool failed = JS_IsException(result) || JS_PromiseState(ctx, result) == JS_PROMISE_REJECTED;
  if (JS_IsException(result)) log_exception(ctx, "the agent failed to start", JS_GetException(ctx));
  JS_FreeValue(ctx, result);
  if (failed) {
    loop_run_jobs(ctx);
    return 70;
  }
  return loop_run(ctx);
}

// Whoever is started without stdio (PID 1 of an initramfs that has no /dev/console) gets the console, or /dev/null:
// else the next file to be opened would become stdout.
static void have_stdio(void) {
  if (fcntl(0, F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0) return;
  int fd = -1;
  if (getpid() == 1) {
    mkdir("/dev", 0755);
    mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
    fd = open("/dev/console", O_RDWR | O_NOCTTY);
  }
  if (fd < 0) fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd < 2) fd = dup(fd);
  if (fd > 2) close(fd);
}

int main(int argc, char **argv) {
  int code = 70;
  if (pause_main(argc, argv, &code) || jail_main(argc, argv, &code)) return code;
  if (greeter_main(argc, argv, &code) || preload_main(argc, argv, &code)) return code;
  have_stdio();
  if (keeper_wanted(argc, argv)) return keeper_main(argc, argv);
  // One arena and early returns to the kernel: the process lives for months and is mostly idle.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, 64 * 1024);
  mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  // A peer that hangs up is an error of the write, not the end of the process.
  signal(SIGPIPE, SIG_IGN);
  sys_set_args(argc, argv);
  JSRuntime *rt = JS_NewRuntime();
  if (!rt) return 70;
  JS_SetMemoryLimit(rt, HEAP_LIMIT);
  JS_SetGCThreshold(rt, GC_THRESHOLD);
  JS_SetMaxStackSize(rt, STACK_SIZE);
  JSContext *ctx = new_context(rt);
  if (ctx && sys_module(ctx) && !loop_init(ctx)) {
    code = run_agent(ctx);
    loop_free(ctx);
  }
  if (ctx) JS_FreeContext(ctx);
  JS_FreeRuntime(rt);
  return code;
}
