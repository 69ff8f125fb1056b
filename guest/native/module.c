// The module `sys`: the topics' tables put together.
#include "native.h"

int sys_argc;
char **sys_argv;

void sys_set_args(int argc, char **argv) {
  sys_argc = argc;
  sys_argv = argv;
}

static const struct topic *const topics[] = {
    &loop_topic,    &relay_topic, &file_topic, &dir_topic,    &system_topic,
    &process_topic, &spawn_topic, &tty_topic,  &socket_topic, &loopback_topic, &text_topic,
    &aside_topic, &null_topic,
};

static int fill(JSContext *ctx, JSModuleDef *module) {
  for (size_t i = 0; i < COUNT(topics); i++) {
    if (JS_SetModuleExportList(ctx, module, topics[i]->entries, topics[i]->count)) return -1;
  }
  return 0;
}

JSModuleDef *sys_module(JSContext *ctx) {
  JSModuleDef *module = JS_NewCModule(ctx, "sys", fill);
  for (size_t i = 0; module && i < COUNT(topics); i++) {
    if (JS_AddModuleExportList(ctx, module, topics[i]->entries, topics[i]->count)) return NULL;
  }
  return module;
}
