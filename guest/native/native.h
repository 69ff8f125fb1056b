// What the files of the native module share. One topic per file; each topic gives its table of functions to module.c.
#ifndef KUASAR_NATIVE_H
#define KUASAR_NATIVE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <quickjs.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// ------------------------------------------------------------------------------------------------ error.c

// Throws a SysError for errno value `err`; `subject` (a path, may be NULL) goes into the message. Returns JS_EXCEPTION.
JSValue throw_errno(JSContext *ctx, int err, const char *syscall, const char *subject);
// Throws TypeError("<what>"). Returns -1, so that argument helpers can end with it.
int bad_argument(JSContext *ctx, const char *what);
// Writes an exception with its stack to stderr and frees it.
void log_exception(JSContext *ctx, const char *where, JSValue exception);
// Writes all of it to stderr, ignoring errors.
void log_bytes(const char *text, size_t length);

// ------------------------------------------------------------------------------------------------ value.c
// Argument helpers return 0, or -1 with a pending exception. Nothing is converted: a missing fd must never become fd 0.

int arg_int(JSContext *ctx, JSValueConst value, int *out);
int arg_int_or(JSContext *ctx, JSValueConst value, int *out, int fallback);
int arg_i64_or(JSContext *ctx, JSValueConst value, int64_t *out, int64_t fallback);
int arg_bool_or(JSContext *ctx, JSValueConst value, bool *out, bool fallback);
// A string without NUL; release with JS_FreeCString.
const char *arg_string(JSContext *ctx, JSValueConst value);
// The memory of a Uint8Array; valid as long as the array lives and no JavaScript runs.
int arg_bytes(JSContext *ctx, JSValueConst value, uint8_t **data, size_t *length);
// A NULL-terminated vector of strings from an array; release with free_strings.
char **arg_strings(JSContext *ctx, JSValueConst value, size_t limit);
void free_strings(char **strings);
// An array of fds, at most `limit`; returns the count or -1.
int arg_fds(JSContext *ctx, JSValueConst value, int *fds, int limit);
// The named argument of a call, undefined when it is missing.
#define ARG(n) ((n) < argc ? argv[n] : JS_UNDEFINED)

JSValue new_bytes(JSContext *ctx, const void *data, size_t length);
// Takes over `data`, which came from js_malloc.
JSValue new_bytes_owned(JSContext *ctx, void *data, size_t length);
// Define an own property; false when memory ran out (exception pending).
bool set_value(JSContext *ctx, JSValueConst object, const char *name, JSValue value);
bool set_number(JSContext *ctx, JSValueConst object, const char *name, double value);
bool set_string(JSContext *ctx, JSValueConst object, const char *name, const char *value);

// ------------------------------------------------------------------------------------------------ loop.c

struct relay;
int loop_init(JSContext *ctx);
// Runs until exit() or until nothing is left to wait for; returns the exit code.
int loop_run(JSContext *ctx);
void loop_request_exit(int code);
void loop_free(JSContext *ctx);
// Runs promise jobs until none is left, then logs rejections that nobody handles.
void loop_run_jobs(JSContext *ctx);
// Forgets all about an fd that is about to be closed.
void loop_forget(JSContext *ctx, int fd);
// Calls a JavaScript callback; an exception is logged. Takes over `argument`.
void loop_call(JSContext *ctx, JSValueConst callback, JSValue argument);

// What a relay wants to hear of an fd. `ready` gets the events; SOURCE and SINK are separate places of one fd.
enum relay_side { RELAY_SOURCE, RELAY_SINK };
// Registers or changes interest. With `events` 0 and `presence` only ERR and HUP come. Returns 0 or an errno.
int loop_relay_watch(int fd, enum relay_side side, struct relay *relay, uint32_t events, bool presence);
struct relay *loop_relay_of(int fd, enum relay_side side);

// ------------------------------------------------------------------------------------------------ relay.c

// Called by the loop when events arrive for one side of a relay.
void relay_ready(JSContext *ctx, struct relay *relay, enum relay_side side, uint32_t events);
// Ends without a call of onEnd.
void relay_drop(JSContext *ctx, struct relay *relay);

// ------------------------------------------------------------------------------------------------ timer.c

JSValue timer_set(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
JSValue timer_clear(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
// Milliseconds until the next timer, rounded up; -1 when there is none.
int timer_next_ms(void);
void timer_fire(JSContext *ctx);
void timer_free(JSContext *ctx);
double now_ms(void);

// ------------------------------------------------------------------------------------------------ file.c

int set_nonblock(int fd, bool on);
const char *file_type_name(mode_t mode);

// ------------------------------------------------------------------------------------------------ socket.c

// Bytes that one send on a vsock may have. Linux spreads a packet of 32 KiB and more over several descriptors, and
// vhost-device-vsock (0.3.0) drops a packet that has more than one of them for its data: the stream would stall for ever.
enum { MAX_VSOCK_SEND = 28 << 10 };
bool is_vsock(int fd);
// Listens on a path; a stale socket file is replaced. Returns 0 or an errno.
int listen_unix(const char *path, mode_t mode, int backlog, int *fd);

// ------------------------------------------------------------------------------------------------ module.c

struct topic {
  const JSCFunctionListEntry *entries;
  int count;
};
extern const struct topic loop_topic, relay_topic, file_topic, dir_topic, system_topic, process_topic, spawn_topic, tty_topic,
    socket_topic, loopback_topic, text_topic, aside_topic, null_topic;
JSModuleDef *sys_module(JSContext *ctx);
void sys_set_args(int argc, char **argv);
extern int sys_argc;
extern char **sys_argv;

#endif
