// The agent's process: one JavaScript runtime, the compiled bundle, the event loop.
#include "native.h"
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

// The compiled bundle, made by qjsc.
extern const uint8_t agent[];
extern const uint32_t agent_size;

enum {
  HEAP_LIMIT = 128 << 20,
  FIRST_GC = 512 << 10,
  STACK_LIMIT = 1 << 20,
};

// Whoever is started without stdio (PID 1 of an initramfs without /dev/console) gets the console, or /dev/null:
// else the next file to be opened would become stdout.
static void have_stdio(void) {
  if (fcntl(0, F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0) return;
  if (getpid() == 1) {
    mkdir("/dev", 0755);
    mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
  }
  int fd = getpid() == 1 ? open("/dev/console", O_RDWR | O_NOCTTY) : -1;
  while (fd >= 0 && fd < 2) fd = dup(fd);
  if (fd > 2) close(fd);
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd < 2);
  if (fd > 2) close(fd);
}

// Holds a shared PID namespace: its first process, which has nothing to do but reap.
static _Noreturn void pause_forever(void) {
  signal(SIGCHLD, SIG_IGN);
  for (;;) pause();
}

static JSValue run_bundle(JSContext *ctx) {
  JSValue bundle = JS_ReadObject(ctx, agent, agent_size, JS_READ_OBJ_BYTECODE);
  if (JS_IsException(bundle)) return bundle;
  if (JS_ResolveModule(ctx, bundle) < 0) {
    JS_FreeValue(ctx, bundle);
    return JS_EXCEPTION;
  }
  return JS_EvalFunction(ctx, bundle);
}

static JSContext *new_context(JSRuntime *rt) {
  JSContext *ctx = JS_NewContext(rt);
  if (ctx && (loop_init(ctx) || !sys_module(ctx))) {
    JS_FreeContext(ctx);
    return NULL;
  }
  return ctx;
}

int main(int argc, char **argv) {
  if (argc == 1 && !strcmp(argv[0], "kuasar-pause")) pause_forever();
  have_stdio();
  signal(SIGPIPE, SIG_IGN);
  // One arena and early return of memory: the process is idle most of its life.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  sys_set_args(argc, argv);

  JSRuntime *rt = JS_NewRuntime();
  if (!rt) return 70;
  JS_SetMemoryLimit(rt, HEAP_LIMIT);
  JS_SetGCThreshold(rt, FIRST_GC);
  JS_SetMaxStackSize(rt, STACK_LIMIT);
  JSContext *ctx = new_context(rt);
  if (!ctx) return 70;

  int code;
  JSValue main_module = run_bundle(ctx);
  if (JS_IsException(main_module)) {
    log_exception(ctx, "cannot start", JS_GetException(ctx));
    code = 70;
  } else {
    code = loop_run(ctx);
    if (code == 0 && JS_PromiseState(ctx, main_module) == JS_PROMISE_REJECTED) code = 70;
  }
  JS_FreeValue(ctx, main_module);
  loop_free(ctx);
  JS_FreeContext(ctx);
  JS_FreeRuntime(rt);
  return code;
}
