// Relays: bytes from one fd to another inside the kernel, see relay() in sys.d.ts for the contract.
//
// DIRECT  one side is a pipe: splice(source, sink).
// PIPED   neither is: splice into a pipe of our own and out of it.
// COPY    a file that cannot splice (EINVAL): read and write through a buffer.
#include "native.h"
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum mode { DIRECT, PIPED, COPY };
enum { CHUNK = 64 * 1024, CHUNKS_PER_TURN = 4, MAX_STALLS = 8 };

struct relay {
  int id, source, sink;
  enum mode mode;
  int pipe_out, pipe_in;  // PIPED: read and write end, -1 without
  size_t chunk;           // bytes moved by one call at most
  size_t held;            // bytes in the pipe, or in the buffer from `start` on
  uint8_t *buffer;        // COPY
  size_t start;
  uint64_t bytes;
  bool ended;      // the source gave end of file
  bool waits_sink; // else it waits for the source
  bool sink_is_socket, half_close;
  bool sink_hup;   // the sink hung up, which is no end for it: not watched for that any more
  bool sink_half;  // the sink's peer has ended its direction, not ours
  int stalls;      // rounds without progress although both sides claim to be ready
  JSValue on_end;
  struct relay *next;
};
static struct relay *relays;
static int last_id;

static void unlink_relay(struct relay *r) {
  for (struct relay **p = &relays; *p; p = &(*p)->next) {
    if (*p == r) {
      *p = r->next;
      break;
    }
  }
  loop_relay_watch(r->source, RELAY_SOURCE, NULL, 0, false);
  loop_relay_watch(r->sink, RELAY_SINK, NULL, 0, false);
}

static void free_relay(JSContext *ctx, struct relay *r) {
  if (r->pipe_out >= 0) close(r->pipe_out);
  if (r->pipe_in >= 0) close(r->pipe_in);
  free(r->buffer);
  JS_FreeValue(ctx, r->on_end);
  free(r);
}

void relay_drop(JSContext *ctx, struct relay *r) {
  unlink_relay(r);
  free_relay(ctx, r);
}

static JSValue undelivered(JSContext *ctx, struct relay *r) {
  if (!r->held) return new_bytes(ctx, "", 0);
  if (r->mode == COPY) return new_bytes(ctx, r->buffer + r->start, r->held);
  uint8_t *rest = js_malloc(ctx, r->held);
  if (!rest) return JS_EXCEPTION;
  size_t got = 0;
  while (got < r->held) {
    ssize_t n = read(r->pipe_out, rest + got, r->held - got);
    if (n <= 0) break;
    got += (size_t)n;
  }
  return new_bytes_owned(ctx, rest, got);
}

static void finish(JSContext *ctx, struct relay *r, const char *reason, int err) {
  unlink_relay(r);
  if (!err && r->sink_is_socket && r->half_close) shutdown(r->sink, SHUT_WR);
  JSValue end = JS_NewObject(ctx);
  bool ok = !JS_IsException(end) && set_string(ctx, end, "reason", reason) && set_number(ctx, end, "bytes", (double)r->bytes) &&
            set_number(ctx, end, "errno", err) && set_value(ctx, end, "undelivered", undelivered(ctx, r));
  if (!ok) {
    JS_FreeValue(ctx, end);
    end = JS_EXCEPTION;
  }
  loop_call(ctx, r->on_end, end);
  free_relay(ctx, r);
}

// What is watched on a sink while the source is idle.
static uint32_t idle_events(const struct relay *r) { return r->sink_is_socket && !r->sink_half ? EPOLLRDHUP : 0; }

// A vsock whose peer is gone reports the end of its input only, as for a half-close; sending nothing tells which it is.
static bool sink_is_over(const struct relay *r) {
  return send(r->sink, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != EINTR;
}

// Tells the loop what to wait for. A sink that is not waited for is still watched for its end.
static void wait_for(JSContext *ctx, struct relay *r, bool sink) {
  r->waits_sink = sink;
  int failed = loop_relay_watch(r->source, RELAY_SOURCE, r, sink ? 0 : EPOLLIN, false);
  if (failed) {
    finish(ctx, r, "source", failed);
    return;
  }
  failed = loop_relay_watch(r->sink, RELAY_SINK, r, sink ? EPOLLOUT : idle_events(r), !r->sink_hup);
  if (failed) finish(ctx, r, "sink", failed);
}

static short poll_now(int fd, short events) {
  struct pollfd p = {.fd = fd, .events = events};
  return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

// Changes to COPY; bytes in our pipe come along. False when memory ran out.
static bool use_copy(struct relay *r) {
  if (!r->buffer && !(r->buffer = malloc(CHUNK))) return false;
  size_t got = 0;
  while (r->mode == PIPED && got < r->held) {
    ssize_t n = read(r->pipe_out, r->buffer + got, r->held - got);
    if (n <= 0) break;
    got += (size_t)n;
  }
  r->mode = COPY;
  r->start = 0;
  r->held = got;
  return true;
}

static bool source_is_over(int source, int err) {
  // The master of a terminal whose last slave was closed reads EIO.
  return err == EIO && isatty(source);
}

enum step { MOVED, WAIT_SOURCE, WAIT_SINK, DONE };

static enum step fail(JSContext *ctx, struct relay *r, const char *side, int err) {
  finish(ctx, r, side, err);
  return DONE;
}

static enum step flush(JSContext *ctx, struct relay *r) {
  size_t length = r->held < r->chunk ? r->held : r->chunk;
  ssize_t n = r->mode == COPY ? write(r->sink, r->buffer + r->start, length)
                              : splice(r->pipe_out, NULL, r->sink, NULL, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (n > 0) {
    r->held -= (size_t)n;
    r->start += (size_t)n;
    r->bytes += (uint64_t)n;
    return MOVED;
  }
  if (n == 0 || errno == EAGAIN) return WAIT_SINK;
  if (errno == EINTR) return MOVED;
  if (errno == EINVAL && r->mode == PIPED) return use_copy(r) ? MOVED : fail(ctx, r, "sink", ENOMEM);
  return fail(ctx, r, "sink", errno);
}

// A direct splice moves or does not, and does not say which side is in the way.
static enum step direct(JSContext *ctx, struct relay *r) {
  ssize_t n = splice(r->source, NULL, r->sink, NULL, r->chunk, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (n > 0) {
    r->bytes += (uint64_t)n;
    r->stalls = 0;
    return MOVED;
  }
  if (n == 0) {
    r->ended = true;
    return MOVED;
  }
  int err = errno;
  switch (err) {
    case EINTR:
      return MOVED;
    case EAGAIN:
      if (!poll_now(r->source, POLLIN)) return WAIT_SOURCE;
      if (!poll_now(r->sink, POLLOUT)) return WAIT_SINK;
      if (++r->stalls < MAX_STALLS) return WAIT_SOURCE;
      // Both claim to be ready and nothing moves: their ideas of ready differ, so take the way that cannot hang.
      return use_copy(r) ? MOVED : fail(ctx, r, "source", ENOMEM);
    case EINVAL:
      return use_copy(r) ? MOVED : fail(ctx, r, "source", ENOMEM);
    case EPIPE:
      return fail(ctx, r, "sink", err);
    default:
      if (source_is_over(r->source, err)) {
        r->ended = true;
        return MOVED;
      }
      return fail(ctx, r, poll_now(r->sink, 0) & (POLLERR | POLLHUP | POLLNVAL) ? "sink" : "source", err);
  }
}

static enum step fill(JSContext *ctx, struct relay *r) {
  ssize_t n = r->mode == COPY ? read(r->source, r->buffer, CHUNK)
                              : splice(r->source, NULL, r->pipe_in, NULL, CHUNK, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (n > 0) {
    r->held = (size_t)n;
    r->start = 0;
    return MOVED;
  }
  int err = errno;
  if (n == 0 || source_is_over(r->source, err)) {
    r->ended = true;
    return MOVED;
  }
  if (err == EAGAIN) return WAIT_SOURCE;
  if (err == EINTR) return MOVED;
  if (err == EINVAL && r->mode == PIPED) return use_copy(r) ? MOVED : fail(ctx, r, "source", ENOMEM);
  return fail(ctx, r, "source", err);
}

// A bounded amount of work; what is left comes in the next round of the loop.
static void turn(JSContext *ctx, struct relay *r) {
  enum step step = MOVED;
  for (int i = 0; i < 2 * CHUNKS_PER_TURN && step == MOVED; i++) {
    if (r->held) step = flush(ctx, r);
    else if (r->ended) break;
    else step = r->mode == DIRECT ? direct(ctx, r) : fill(ctx, r);
  }
  if (step == DONE) return;
  if (r->ended && !r->held) {
    finish(ctx, r, "eof", 0);
    return;
  }
  // Out of turn with bytes at hand: wait for the side that the next step needs.
  wait_for(ctx, r, step == WAIT_SINK || r->held > 0);
}

void relay_ready(JSContext *ctx, struct relay *r, enum relay_side side, uint32_t events) {
  const uint32_t over = EPOLLERR | EPOLLHUP;
  if (side == RELAY_SINK && r->waits_sink && !(events & EPOLLOUT) && (events & over)) {
    finish(ctx, r, "sink", EPIPE);
    return;
  }
  if (side == RELAY_SOURCE ? !r->waits_sink : r->waits_sink) {
    turn(ctx, r);
    return;
  }
  // The sink while the source is idle: only its end is of interest.
  if (side == RELAY_SOURCE) return;
  if (!(events & over)) {
    if (sink_is_over(r)) {
      finish(ctx, r, "sink", EPIPE);
      return;
    }
    r->sink_half = true;
    wait_for(ctx, r, false);
    return;
  }
  if ((events & EPOLLERR) || r->sink_is_socket) {
    finish(ctx, r, "sink", EPIPE);
    return;
  }
  // The master of a terminal without slaves: not an end, but it would be reported for ever.
  r->sink_hup = true;
  wait_for(ctx, r, false);
}

// ------------------------------------------------------------------------------------------------ functions

static struct relay *relay_by_id(int id) {
  for (struct relay *r = relays; r; r = r->next) {
    if (r->id == id) return r;
  }
  return NULL;
}

static JSValue js_relay(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int source, sink;
  bool half_close = true;
  if (arg_int(ctx, ARG(0), &source) || arg_int(ctx, ARG(1), &sink)) return JS_EXCEPTION;
  if (!JS_IsFunction(ctx, ARG(2))) return bad_argument(ctx, "relay needs a callback"), JS_EXCEPTION;
  if (JS_IsObject(ARG(3))) {
    JSValue option = JS_GetPropertyStr(ctx, argv[3], "halfClose");
    if (JS_IsException(option) || arg_bool_or(ctx, option, &half_close, true)) {
      JS_FreeValue(ctx, option);
      return JS_EXCEPTION;
    }
  }
  struct stat from, to;
  if (fstat(source, &from) || fstat(sink, &to)) return throw_errno(ctx, errno, "relay", NULL);
  if (loop_relay_of(source, RELAY_SOURCE) || loop_relay_of(sink, RELAY_SINK)) return throw_errno(ctx, EBUSY, "relay", NULL);
  if (set_nonblock(source, true) || set_nonblock(sink, true)) return throw_errno(ctx, errno, "fcntl", NULL);
  struct relay *r = calloc(1, sizeof *r);
  if (!r) return JS_ThrowOutOfMemory(ctx);
  r->source = source;
  r->sink = sink;
  r->half_close = half_close;
  r->chunk = is_vsock(sink) ? MAX_VSOCK_SEND : CHUNK;
  r->sink_is_socket = S_ISSOCK(to.st_mode);
  r->pipe_in = r->pipe_out = -1;
  r->on_end = JS_DupValue(ctx, argv[2]);
  r->mode = S_ISFIFO(from.st_mode) || S_ISFIFO(to.st_mode) ? DIRECT : PIPED;
  int err = 0;
  if (r->mode == PIPED) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) err = errno;
    else r->pipe_out = ends[0], r->pipe_in = ends[1];
  }
  if (++last_id <= 0) last_id = 1;
  r->id = last_id;
  r->next = relays;
  relays = r;
  if (!err) err = loop_relay_watch(source, RELAY_SOURCE, r, EPOLLIN, false);
  if (!err) err = loop_relay_watch(sink, RELAY_SINK, r, idle_events(r), true);
  if (err) {
    relay_drop(ctx, r);
    return throw_errno(ctx, err, "relay", NULL);
  }
  return JS_NewInt32(ctx, r->id);
}

static JSValue js_cancel_relay(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int id;
  if (arg_int(ctx, ARG(0), &id)) return JS_EXCEPTION;
  struct relay *r = relay_by_id(id);
  if (!r) return new_bytes(ctx, "", 0);
  JSValue rest = undelivered(ctx, r);
  relay_drop(ctx, r);
  return rest;
}

static JSValue js_relay_bytes(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int id;
  if (arg_int(ctx, ARG(0), &id)) return JS_EXCEPTION;
  struct relay *r = relay_by_id(id);
  return JS_NewInt64(ctx, r ? (int64_t)r->bytes : -1);
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("relay", 4, js_relay),
    JS_CFUNC_DEF("cancelRelay", 1, js_cancel_relay),
    JS_CFUNC_DEF("relayBytes", 1, js_relay_bytes),
};
const struct topic relay_topic = {entries, COUNT(entries)};
