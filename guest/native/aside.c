// writeAside(): a write that may block for long in the kernel, in a thread of its own. Nobody is told how it went.
#include "native.h"
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { MAX_TEXT = 64, STACK_SIZE = 64 * 1024 };

// One at a time: what it is for needs no more, and threads cannot pile up. Owned by whoever has set `busy`.
static atomic_flag busy = ATOMIC_FLAG_INIT;
static char target[PATH_MAX];
static char content[MAX_TEXT];

static void *write_it(void *argument) {
  (void)argument;
  int fd = open(target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd >= 0) {
    ssize_t written = write(fd, content, strlen(content));
    (void)written;
    close(fd);
  }
  atomic_flag_clear(&busy);
  return NULL;
}

// Signals are the main thread's.
static int start_thread(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  int failed = pthread_attr_init(&attributes);
  if (failed) return failed;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_SIZE);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  failed = pthread_create(&thread, &attributes, write_it, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return failed;
}

static JSValue js_write_aside(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *path = arg_string(ctx, ARG(0));
  const char *text = path ? arg_string(ctx, ARG(1)) : NULL;
  JSValue result = JS_EXCEPTION;
  if (text && (strlen(path) >= PATH_MAX || strlen(text) >= MAX_TEXT)) {
    bad_argument(ctx, "writeAside takes short texts only");
  } else if (text && atomic_flag_test_and_set(&busy)) {
    result = JS_FALSE;
  } else if (text) {
    strcpy(target, path);
    strcpy(content, text);
    int failed = start_thread();
    if (failed) atomic_flag_clear(&busy);
    result = failed ? throw_errno(ctx, failed, "pthread_create", path) : JS_TRUE;
  }
  JS_FreeCString(ctx, path);
  JS_FreeCString(ctx, text);
  return result;
}

static const JSCFunctionListEntry entries[] = {JS_CFUNC_DEF("writeAside", 2, js_write_aside)};
const struct topic aside_topic = {entries, COUNT(entries)};
