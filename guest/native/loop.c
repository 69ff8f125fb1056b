// The event loop: one epoll instance, a table of what is watched on each fd, signals by signalfd, promise jobs.
//
// quickjs-libc's own loop is not used: it is built on select(2) and breaks beyond 1024 fds.
#include "native.h"
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

// What is watched on one fd. An empty slot is freed.
struct slot {
  JSValue callback;  // JS_UNDEFINED without a watcher
  uint32_t watched;  // events of the watcher
  struct {
    struct relay *relay;
    uint32_t events;
    bool presence;  // registered although events is 0, to hear of ERR and HUP
  } side[2];
  uint32_t generation;  // tells events of an earlier file with the same number apart
  uint32_t mask;        // what epoll has
  bool registered;
  bool always;  // epoll refuses the file (regular file, /dev/null): it is always ready
};

static struct {
  int epoll, signal_fd;
  struct slot **slots;
  size_t capacity;
  size_t used;    // slots in use
  size_t always;  // slots with `always`
  uint32_t generation;
  sigset_t signals;
  JSValue on_signal[NSIG];
  bool exiting;
  int exit_code;
  bool busy;  // something ran since memory was trimmed last
} loop = {.epoll = -1, .signal_fd = -1};

// ------------------------------------------------------------------------------------------------ rejections

struct rejection {
  JSValue promise, reason;
  struct rejection *next;
};
static struct rejection *rejections;

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, JS_BOOL handled, void *opaque) {
  (void)opaque;
  if (!handled) {
    struct rejection *entry = malloc(sizeof *entry);
    if (!entry) return;
    *entry = (struct rejection){JS_DupValue(ctx, promise), JS_DupValue(ctx, reason), rejections};
    rejections = entry;
    return;
  }
  for (struct rejection **p = &rejections; *p; p = &(*p)->next) {
    struct rejection *entry = *p;
    if (JS_VALUE_GET_PTR(entry->promise) != JS_VALUE_GET_PTR(promise)) continue;
    *p = entry->next;
    JS_FreeValue(ctx, entry->promise);
    JS_FreeValue(ctx, entry->reason);
    free(entry);
    return;
  }
}

static void report_rejections(JSContext *ctx) {
  while (rejections) {
    struct rejection *entry = rejections;
    rejections = entry->next;
    log_exception(ctx, "unhandled promise rejection", entry->reason);
    JS_FreeValue(ctx, entry->promise);
    free(entry);
  }
}

// ------------------------------------------------------------------------------------------------ slots

static struct slot *slot_of(int fd) { return fd >= 0 && (size_t)fd < loop.capacity ? loop.slots[fd] : NULL; }

static struct slot *slot_make(int fd) {
  if (fd < 0) return errno = EBADF, NULL;
  if ((size_t)fd >= loop.capacity) {
    size_t capacity = loop.capacity ? loop.capacity : 64;
    while (capacity <= (size_t)fd) capacity *= 2;
    struct slot **slots = realloc(loop.slots, capacity * sizeof *slots);
    if (!slots) return errno = ENOMEM, NULL;
    memset(slots + loop.capacity, 0, (capacity - loop.capacity) * sizeof *slots);
    loop.slots = slots;
    loop.capacity = capacity;
  }
  if (!loop.slots[fd]) {
    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot) return errno = ENOMEM, NULL;
    slot->callback = JS_UNDEFINED;
    slot->generation = ++loop.generation;
    loop.slots[fd] = slot;
    loop.used++;
  }
  return loop.slots[fd];
}

static bool slot_wanted(const struct slot *slot) {
  return !JS_IsUndefined(slot->callback) || slot->side[0].relay || slot->side[1].relay;
}

// Brings epoll in line with the slot, and frees an empty slot. Returns 0 or an errno.
static int slot_apply(int fd) {
  struct slot *slot = loop.slots[fd];
  uint32_t mask = slot->watched;
  bool present = !JS_IsUndefined(slot->callback);
  for (int i = 0; i < 2; i++) {
    mask |= slot->side[i].events;
    if (slot->side[i].relay && (slot->side[i].events || slot->side[i].presence)) present = true;
  }
  int failed = 0;
  if (slot->always) {
    slot->mask = mask;
  } else if (!present) {
    if (slot->registered) epoll_ctl(loop.epoll, EPOLL_CTL_DEL, fd, NULL);
    slot->registered = false;
  } else if (!slot->registered || slot->mask != mask) {
    struct epoll_event event = {.events = mask, .data.u64 = (uint64_t)slot->generation << 32 | (uint32_t)fd};
    if (epoll_ctl(loop.epoll, slot->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event)) {
      failed = errno;
      if (failed == EPERM && JS_IsUndefined(slot->callback)) {
        slot->always = true;
        loop.always++;
        failed = 0;
      }
    } else {
      slot->registered = true;
    }
    slot->mask = mask;
  }
  if (!slot_wanted(slot)) {
    if (slot->always) loop.always--;
    loop.slots[fd] = NULL;
    loop.used--;
    free(slot);
  }
  return failed;
}

int loop_relay_watch(int fd, enum relay_side side, struct relay *relay, uint32_t events, bool presence) {
  struct slot *slot = relay ? slot_make(fd) : slot_of(fd);
  if (!slot) return relay ? errno : 0;
  slot->side[side].relay = relay;
  slot->side[side].events = relay ? events : 0;
  slot->side[side].presence = relay && presence;
  return slot_apply(fd);
}

struct relay *loop_relay_of(int fd, enum relay_side side) {
  struct slot *slot = slot_of(fd);
  return slot ? slot->side[side].relay : NULL;
}

static void watch_set(JSContext *ctx, struct slot *slot, uint32_t events, JSValue callback) {
  JSValue old = slot->callback;
  slot->callback = callback;
  slot->watched = events;
  JS_FreeValue(ctx, old);
}

void loop_forget(JSContext *ctx, int fd) {
  for (int side = 0; side < 2; side++) {
    struct relay *relay = loop_relay_of(fd, (enum relay_side)side);
    if (relay) relay_drop(ctx, relay);
  }
  struct slot *slot = slot_of(fd);
  if (!slot) return;
  watch_set(ctx, slot, 0, JS_UNDEFINED);
  // Freeing the callback can run no JavaScript, so the slot is still this one.
  slot_apply(fd);
}

// ------------------------------------------------------------------------------------------------ dispatch

void loop_run_jobs(JSContext *ctx) {
  JSRuntime *rt = JS_GetRuntime(ctx);
  for (;;) {
    JSContext *job_ctx = NULL;
    int n = JS_ExecutePendingJob(rt, &job_ctx);
    if (n == 0) break;
    if (n < 0) log_exception(job_ctx, "exception in a promise job", JS_GetException(job_ctx));
  }
  report_rejections(ctx);
}

void loop_call(JSContext *ctx, JSValueConst callback, JSValue argument) {
  // A callback may replace or drop itself.
  JSValue function = JS_DupValue(ctx, callback);
  if (JS_IsException(argument)) {
    log_exception(ctx, "cannot call back", JS_GetException(ctx));
  } else {
    JSValue result = JS_Call(ctx, function, JS_UNDEFINED, 1, &argument);
    if (JS_IsException(result)) log_exception(ctx, "exception in a callback", JS_GetException(ctx));
    JS_FreeValue(ctx, result);
  }
  JS_FreeValue(ctx, argument);
  JS_FreeValue(ctx, function);
  loop_run_jobs(ctx);
}

static void deliver_signals(JSContext *ctx) {
  struct signalfd_siginfo info[8];
  ssize_t n;
  while ((n = read(loop.signal_fd, info, sizeof info)) > 0) {
    for (size_t i = 0; i < (size_t)n / sizeof info[0]; i++) {
      uint32_t signal = info[i].ssi_signo;
      if (signal < NSIG && !JS_IsUndefined(loop.on_signal[signal])) loop_call(ctx, loop.on_signal[signal], JS_UNDEFINED);
    }
  }
}

static void deliver(JSContext *ctx, int fd, uint32_t generation, uint32_t events) {
  const uint32_t always = EPOLLERR | EPOLLHUP;
  // After each callback the slot may be gone or be another one.
  for (int side = 0; side < 2; side++) {
    struct slot *slot = slot_of(fd);
    if (!slot || slot->generation != generation) return;
    struct relay *relay = slot->side[side].relay;
    if (!relay) continue;
    uint32_t mine = events & (slot->side[side].events | always);
    bool listening = slot->side[side].events || slot->side[side].presence;
    if (mine && listening) relay_ready(ctx, relay, (enum relay_side)side, mine);
  }
  struct slot *slot = slot_of(fd);
  if (!slot || slot->generation != generation || JS_IsUndefined(slot->callback)) return;
  uint32_t mine = events & (slot->watched | always);
  if (mine) loop_call(ctx, slot->callback, JS_NewUint32(ctx, mine));
}

// Files that epoll cannot watch have a turn in each round.
static void deliver_always(JSContext *ctx) {
  for (size_t fd = 0; loop.always && fd < loop.capacity; fd++) {
    struct slot *slot = loop.slots[fd];
    if (slot && slot->always && slot->mask) deliver(ctx, (int)fd, slot->generation, slot->mask);
  }
}

static bool always_ready(void) {
  if (loop.always) {
    for (size_t fd = 0; fd < loop.capacity; fd++) {
      if (loop.slots[fd] && loop.slots[fd]->always && loop.slots[fd]->mask) return true;
    }
  }
  return false;
}

// After a burst of work and a quiet second, memory goes back to the kernel.
enum { QUIET_MS = 1000 };

static int wait_ms(void) {
  if (always_ready()) return 0;
  int timeout = timer_next_ms();
  if (loop.busy && (timeout < 0 || timeout > QUIET_MS)) timeout = QUIET_MS;
  return timeout;
}

int loop_run(JSContext *ctx) {
  loop_run_jobs(ctx);
  while (!loop.exiting && (loop.used || timer_next_ms() >= 0)) {
    struct epoll_event events[64];
    int timeout = wait_ms();
    int n = epoll_wait(loop.epoll, events, COUNT(events), timeout);
    if (n < 0 && errno != EINTR) return 70;
    if (n == 0 && timeout == QUIET_MS && loop.busy) {
      JS_RunGC(JS_GetRuntime(ctx));
      malloc_trim(0);
      loop.busy = false;
    }
    if (n > 0) loop.busy = true;
    for (int i = 0; i < n && !loop.exiting; i++) {
      int fd = (int)(uint32_t)events[i].data.u64;
      if (fd == loop.signal_fd) {
        deliver_signals(ctx);
      } else {
        deliver(ctx, fd, (uint32_t)(events[i].data.u64 >> 32), events[i].events);
      }
    }
    if (!loop.exiting) deliver_always(ctx);
    if (!loop.exiting) timer_fire(ctx);
  }
  return loop.exit_code;
}

void loop_request_exit(int code) {
  loop.exiting = true;
  loop.exit_code = code;
}

int loop_init(JSContext *ctx) {
  sigemptyset(&loop.signals);
  for (int i = 0; i < NSIG; i++) loop.on_signal[i] = JS_UNDEFINED;
  loop.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (loop.epoll < 0) return -1;
  loop.signal_fd = signalfd(-1, &loop.signals, SFD_NONBLOCK | SFD_CLOEXEC);
  if (loop.signal_fd < 0) return -1;
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint32_t)loop.signal_fd};
  if (epoll_ctl(loop.epoll, EPOLL_CTL_ADD, loop.signal_fd, &event)) return -1;
  JS_SetHostPromiseRejectionTracker(JS_GetRuntime(ctx), on_rejection, NULL);
  return 0;
}

void loop_free(JSContext *ctx) {
  JS_SetHostPromiseRejectionTracker(JS_GetRuntime(ctx), NULL, NULL);
  report_rejections(ctx);
  for (size_t fd = 0; fd < loop.capacity; fd++) loop_forget(ctx, (int)fd);
  for (int i = 0; i < NSIG; i++) JS_FreeValue(ctx, loop.on_signal[i]);
  timer_free(ctx);
  free(loop.slots);
  close(loop.epoll);
  close(loop.signal_fd);
}

// ------------------------------------------------------------------------------------------------ functions

static JSValue js_watch(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, events;
  if (arg_int(ctx, ARG(0), &fd) || arg_int(ctx, ARG(1), &events)) return JS_EXCEPTION;
  if (!JS_IsFunction(ctx, ARG(2))) return bad_argument(ctx, "watch needs a callback"), JS_EXCEPTION;
  struct slot *slot = slot_make(fd);
  if (!slot) return throw_errno(ctx, errno, "watch", NULL);
  watch_set(ctx, slot, (uint32_t)events & (EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP), JS_DupValue(ctx, argv[2]));
  int failed = slot->always ? EPERM : slot_apply(fd);
  if (!failed) return JS_UNDEFINED;
  watch_set(ctx, slot, 0, JS_UNDEFINED);
  slot_apply(fd);
  return throw_errno(ctx, failed, "epoll_ctl", NULL);
}

static JSValue js_unwatch(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  struct slot *slot = slot_of(fd);
  if (slot) {
    watch_set(ctx, slot, 0, JS_UNDEFINED);
    slot_apply(fd);
  }
  return JS_UNDEFINED;
}

static JSValue js_on_signal(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int signal;
  if (arg_int(ctx, ARG(0), &signal)) return JS_EXCEPTION;
  if (signal <= 0 || signal >= NSIG) return throw_errno(ctx, EINVAL, "onSignal", NULL);
  bool take = JS_IsFunction(ctx, ARG(1));
  if (!take && !JS_IsNull(ARG(1))) return bad_argument(ctx, "onSignal needs a callback or null"), JS_EXCEPTION;
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  JSValue old = loop.on_signal[signal];
  loop.on_signal[signal] = take ? JS_DupValue(ctx, argv[1]) : JS_UNDEFINED;
  JS_FreeValue(ctx, old);
  if (take) sigaddset(&loop.signals, signal);
  else sigdelset(&loop.signals, signal);
  sigprocmask(take ? SIG_BLOCK : SIG_UNBLOCK, &one, NULL);
  if (signalfd(loop.signal_fd, &loop.signals, 0) < 0) return throw_errno(ctx, errno, "signalfd", NULL);
  return JS_UNDEFINED;
}

static JSValue js_exit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int code;
  if (arg_int(ctx, ARG(0), &code)) return JS_EXCEPTION;
  loop_request_exit(code & 255);
  return JS_UNDEFINED;
}

#define CONSTANT(name, value) JS_PROP_INT32_DEF(name, value, JS_PROP_ENUMERABLE)
static const JSCFunctionListEntry epoll_names[] = {
    CONSTANT("IN", EPOLLIN),   CONSTANT("PRI", EPOLLPRI), CONSTANT("OUT", EPOLLOUT),
    CONSTANT("ERR", EPOLLERR), CONSTANT("HUP", EPOLLHUP), CONSTANT("RDHUP", EPOLLRDHUP),
};
static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("watch", 3, js_watch),
    JS_CFUNC_DEF("unwatch", 1, js_unwatch),
    JS_CFUNC_DEF("setTimer", 2, timer_set),
    JS_CFUNC_DEF("clearTimer", 1, timer_clear),
    JS_CFUNC_DEF("onSignal", 2, js_on_signal),
    JS_CFUNC_DEF("exit", 1, js_exit),
    JS_OBJECT_DEF("EPOLL", epoll_names, COUNT(epoll_names), JS_PROP_ENUMERABLE),
};
const struct topic loop_topic = {entries, COUNT(entries)};
