// The first process of a PID namespace that a pod's containers share: it has nothing to do but reap.
#include "pause.h"
#include "native.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static _Noreturn void pause_forever(void) {
  signal(SIGCHLD, SIG_IGN);
  for (;;) pause();
}

static _Noreturn void fail(const char *what, const char *subject) {
  fprintf(stderr, "kuasar-pause: cannot %s %s: %s\n", what, subject, strerror(errno));
  exit(1);
}

// `kuasar-pause new <file of a namespace>...`: joins the namespaces, makes one for PIDs and a process in it, whose pid it writes.
static int pause_in_new(int count, char **namespaces) {
  for (int i = 0; i < count; i++) {
    int fd = open(namespaces[i], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, 0)) fail("join", namespaces[i]);
    close(fd);
  }
  if (unshare(CLONE_NEWPID)) fail("make", "a PID namespace");
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) fail("make", "a process");
  if (pid > 0) {
    printf("%d\n", pid);
    return 0;
  }
  setsid();
  int null = open("/dev/null", O_RDWR);
  if (chdir("/") || null < 0) _exit(1);
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
  close(null);
  prctl(PR_SET_NAME, "kuasar-pause", 0, 0, 0);
  pause_forever();
}

// `kuasar-pause set <file> <value>...`: for the kernel of a sandbox, whose settings only a process in it can write.
static int write_files(int count, char **words) {
  for (int i = 0; i + 1 < count; i += 2) {
    size_t length = strlen(words[i + 1]);
    int fd = open(words[i], O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, words[i + 1], length) != (ssize_t)length) fail("write", words[i]);
    close(fd);
  }
  return 0;
}

bool pause_main(int argc, char **argv, int *code) {
  if (argc < 2 || strcmp(argv[1], "kuasar-pause")) return false;
  if (argc == 2) pause_forever();
  if (!strcmp(argv[2], "new")) *code = pause_in_new(argc - 3, argv + 3);
  else if (!strcmp(argv[2], "set")) *code = write_files(argc - 3, argv + 3);
  else return false;
  return true;
}
