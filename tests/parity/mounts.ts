import type { Area } from "./case.ts";

/** What a guest has looked up on the host it may believe for a second (virtiofsd's `cache = "auto"`). */
function forgotten(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2_000));
}

export const mounts: Area = {
  name: "mounts",
  groups: [{
    name: "what there is",
    cases: [
      {
        name: "devices",
        script:
          "cd /dev; for d in null zero full random urandom tty ptmx; do stat -L -c '%F %a %n' $d; done; readlink fd stdin stdout stderr core",
      },
      {
        name: "devices work",
        script:
          "head -c 3 /dev/zero | od -An -tx1; echo x > /dev/full; head -c 5 /dev/random | wc -c; echo gone > /dev/null; cat /dev/null; cat /dev/stdin < /etc/hostname | wc -l",
      },
      {
        name: "proc and sys",
        script: "for p in /proc /sys; do grep \" $p \" /proc/mounts | cut -d' ' -f2,3; done",
      },
      {
        name: "dev and what is in it",
        script: "for p in /dev /dev/pts /dev/shm; do grep \" $p \" /proc/mounts | cut -d' ' -f2,3; done",
      },
      {
        name: "message queues",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "/dev/mqueue mqueue\n/dev/mqueue": "ls: /dev/mqueue: No such file or directory\nexit 1",
          },
          why: "gVisor does not mount /dev/mqueue",
        }],
        script: "grep ' /dev/mqueue ' /proc/mounts | cut -d' ' -f2,3; ls -d /dev/mqueue",
      },
      {
        name: "size of shared memory",
        script: "df -m /dev/shm | awk 'NR==2 {print $2}'; stat -c %a /dev/shm",
      },
      {
        name: "pseudo terminals",
        differs: [{
          kinds: ["gvisor"],
          instead: { "directory 755": "directory 555" },
          why: "gVisor's /dev/pts has another mode",
        }],
        script: "stat -c '%F %a' /dev/pts /dev/pts/ptmx; probe terminal",
      },
      {
        name: "files of the pod",
        script:
          "for f in hostname hosts resolv.conf; do stat -c '%a %u %F' /etc/$f; echo '# more' >> /etc/$f && tail -n 1 /etc/$f; done",
      },
    ],
  }, {
    name: "paths that a kubelet hides",
    container: {
      maskedPaths: ["/proc/kcore", "/proc/timer_list", "/proc/none", "/sys/firmware"],
      readonlyPaths: ["/proc/sys", "/proc/bus", "/proc/fs"],
    },
    cases: [
      {
        name: "hidden",
        differs: [{
          kinds: ["gvisor"],
          instead: { "0": "sh: can't open /proc/timer_list: no such file" },
          why: "gVisor's /proc has fewer files, and none of the host's to hide",
        }],
        script: "wc -c < /proc/timer_list; ls -A /sys/firmware; ls /proc/none",
      },
      {
        name: "read-only",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "sh: can't create /proc/sys/kernel/hostname: Read-only file system":
              "sh: write error: Input/output error",
          },
          why: "gVisor's /proc has fewer files, and none of the host's to hide",
        }],
        script:
          "echo x > /proc/sys/kernel/hostname; for d in /proc/sys /proc/bus /proc/fs; do mkdir $d/x 2>&1 | sed 's/: [A-Z].*/: refused/'; done",
      },
    ],
  }, {
    name: "a volume",
    prepare: async (dir) => {
      await Deno.mkdir(`${dir}/data/below`, { recursive: true });
      await Deno.writeTextFile(`${dir}/data/file`, "from the host\n");
      await Deno.writeTextFile(`${dir}/data/below/deep`, "deep\n");
      await Deno.symlink("file", `${dir}/data/link`);
      await Deno.symlink("/etc/passwd", `${dir}/data/out`);
      await Deno.writeTextFile(`${dir}/single`, "one file\n");
      await Deno.chmod(`${dir}/data`, 0o777);
      await Deno.chown(`${dir}/data/file`, 1000, 2000);
    },
    volumes: {
      "/data": { path: "data" },
      "/deep/er/data": { path: "data/below" },
      "/ro": { path: "data", readonly: true },
      "/etc/single": { path: "single" },
      "/ro-single": { path: "single", readonly: true },
    },
    cases: [
      {
        name: "what is in it",
        script:
          "ls -A /data; cat /data/file /data/link /ro/below/deep /deep/er/data/deep /etc/single; stat -c '%u %g %a' /data/file; head -n 1 /data/out",
      },
      {
        name: "what is written",
        act: async ({ container, dir }) => {
          await container.shell(
            "echo written > /data/new; mkdir /data/made; mv /data/new /data/made/moved; chmod 640 /data/made/moved; chown 1234:1234 /data/made/moved",
          );
          const { uid, gid, mode } = await Deno.stat(`${dir}/data/made/moved`);
          return `${await Deno.readTextFile(`${dir}/data/made/moved`)}${uid} ${gid} ${
            (mode! & 0o777).toString(8)
          }`;
        },
      },
      {
        name: "what the host has written since",
        act: async ({ container, dir }) => {
          await Deno.writeTextFile(`${dir}/data/later`, "later\n");
          return (await container.shell("cat /data/later /ro/later")).stdout;
        },
      },
      {
        name: "what the host has removed, two seconds later",
        act: async ({ container, dir }) => {
          await Deno.writeTextFile(`${dir}/data/short-lived`, "x\n");
          await container.shell("cat /data/short-lived");
          await Deno.remove(`${dir}/data/short-lived`);
          await forgotten();
          return (await container.shell("cat /data/short-lived 2>&1; ls /data | grep -c short")).stdout;
        },
      },
      {
        name: "a file that the host changes, two seconds later",
        act: async ({ container, dir }) => {
          await Deno.writeTextFile(`${dir}/data/changing`, "first\n");
          const first = (await container.shell("cat /data/changing")).stdout;
          await Deno.writeTextFile(`${dir}/data/changing`, "second, longer\n");
          await forgotten();
          return first + (await container.shell("cat /data/changing")).stdout;
        },
      },
      {
        name: "a file that the host replaces, two seconds later",
        act: async ({ container, dir }) => {
          await Deno.writeTextFile(`${dir}/data/replaced`, "old\n");
          const first = (await container.shell("cat /data/replaced")).stdout;
          await Deno.writeTextFile(`${dir}/data/.new`, "new\n");
          await Deno.rename(`${dir}/data/.new`, `${dir}/data/replaced`);
          await forgotten();
          return first + (await container.shell("cat /data/replaced")).stdout;
        },
      },
      {
        name: "a read-only one",
        script:
          "touch /ro/x; rm /ro/file; echo > /ro/file; mkdir /ro/d; chmod 777 /ro; ln /ro/file /ro/l; mv /ro/file /ro/g; echo > /ro-single; cat /ro-single",
      },
      {
        name: "a single file",
        script:
          "echo more >> /etc/single; cat /etc/single; rm /etc/single; mv /etc/single /etc/other; echo x > /etc/y; mv /etc/y /etc/single",
      },
      {
        name: "across its border",
        script:
          "ln /data/file /tmp/linked; mv /data/file /tmp/moved && cat /tmp/moved && mv /tmp/moved /data/file; stat -c %h /data/file",
      },
      {
        name: "is a mount point",
        differs: [{
          kinds: ["gvisor"],
          instead: { "rmdir: '/data': Device or resource busy": "rmdir: '/data': Directory not empty" },
          why: "gVisor refuses with another error",
        }],
        script:
          "mountpoint -q /data 2>/dev/null || grep -c ' /data ' /proc/mounts; rmdir /data; mv /data /other; grep ' /ro ' /proc/mounts | cut -d' ' -f4 | cut -d, -f1",
      },
      {
        name: "calls in it: renames",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "RENAME_NOREPLACE: EEXIST\nRENAME_EXCHANGE: ok\nb has was a":
              "RENAME_NOREPLACE: EINVAL\nRENAME_EXCHANGE: EINVAL\nb has ",
          },
          why: "gVisor's file systems do not have it",
        }],
        script: "mkdir -p /data/t1 && cd /data/t1 && probe renames",
      },
      {
        name: "calls in it: unlinked",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "size 4 mode 600 uid 1000 links 0 mtime 2": "size 4 mode 600 uid 1000 links 1 mtime 2",
            "fsetxattr: EPERM": "fsetxattr: EOPNOTSUPP",
          },
          why: "gVisor's file systems do not have it",
        }],
        script: "mkdir -p /data/t2 && cd /data/t2 && probe unlinked",
      },
      { name: "calls in it: mapping", script: "mkdir -p /data/t3 && cd /data/t3 && probe mapping" },
      {
        name: "calls in it: locks",
        differs: [{
          kinds: ["gvisor"],
          instead: { "lease: ok": "lease: EINVAL" },
          why: "gVisor's file systems do not have it",
        }],
        script: "mkdir -p /data/t4 && cd /data/t4 && probe locks",
      },
      { name: "calls in it: append", script: "mkdir -p /data/t5 && cd /data/t5 && probe append" },
      {
        name: "calls in it: opens",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "openat2 without links: ELOOP\nopenat2 beneath: EXDEV":
              "openat2 without links: ENOSYS\nopenat2 beneath: ENOSYS",
          },
          why: "gVisor's file systems do not have it",
        }],
        script: "mkdir -p /data/t6 && cd /data/t6 && probe opens",
      },
      {
        name: "calls in it: xattrs",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "user: ok\nget: 5\ncreate again: EEXIST\nreplace none: ENODATA\nlist: 12\nremove: ok":
              "user: EOPNOTSUPP",
            "trusted: EPERM":
              "create again: EOPNOTSUPP\nreplace none: EOPNOTSUPP\nlist: 0\nremove: EOPNOTSUPP\nget: ENODATA\ntrusted: EOPNOTSUPP",
          },
          why: "gVisor's file systems do not have it",
        }],
        script: "mkdir -p /data/t7 && cd /data/t7 && probe xattrs",
      },
      { name: "calls in it: FIFO and socket", script: "mkdir -p /data/t8 && cd /data/t8 && probe fifo" },
      { name: "calls in it: times", script: "mkdir -p /data/t9 && cd /data/t9 && probe times" },
    ],
  }, {
    name: "odd mount points",
    prepare: async (dir) => {
      await Deno.mkdir(`${dir}/data/inner`, { recursive: true });
      await Deno.mkdir(`${dir}/other`);
      await Deno.writeTextFile(`${dir}/other/file`, "other\n");
    },
    cases: [
      {
        name: "one volume in another",
        act: ({ runToEnd, dir }) =>
          runToEnd({
            command: ["cat", "/v/inner/file"],
            mounts: [{ containerPath: "/v", hostPath: `${dir}/data` }, {
              containerPath: "/v/inner",
              hostPath: `${dir}/other`,
            }],
          }),
      },
      {
        name: "one volume in a read-only one",
        act: ({ runToEnd, dir }) =>
          runToEnd({
            command: ["cat", "/v/inner/file"],
            mounts: [{ containerPath: "/v", hostPath: `${dir}/data`, readonly: true }, {
              containerPath: "/v/inner",
              hostPath: `${dir}/other`,
            }],
          }),
      },
      {
        name: "in a read-only one that has no such directory",
        act: async ({ runToEnd, dir }) => {
          const outcome = await runToEnd({
            command: ["cat", "/v/none/file"],
            mounts: [{ containerPath: "/v", hostPath: `${dir}/data`, readonly: true }, {
              containerPath: "/v/none",
              hostPath: `${dir}/other`,
            }],
          });
          return `${outcome}\nleft on the host: ${
            [...Deno.readDirSync(`${dir}/data`)].map(({ name }) => name).sort().join(" ")
          }`;
        },
      },
      {
        name: "a file onto a directory",
        act: ({ runToEnd, dir }) =>
          runToEnd({ command: ["true"], mounts: [{ containerPath: "/opt", hostPath: `${dir}/other/file` }] }),
      },
      {
        name: "a directory onto a file",
        act: ({ runToEnd, dir }) =>
          runToEnd({
            command: ["true"],
            mounts: [{ containerPath: "/etc/passwd", hostPath: `${dir}/other` }],
          }),
      },
      {
        name: "through a link of the image",
        act: ({ runToEnd, dir }) =>
          runToEnd({
            command: ["cat", "/etc/sub/file"],
            mounts: [{ containerPath: "/opt/to-etc/sub", hostPath: `${dir}/other` }],
          }),
      },
      {
        name: "onto the root's own directories",
        act: ({ runToEnd, dir }) =>
          runToEnd({
            command: ["sh", "-c", "ls /tmp /home"],
            mounts: [{ containerPath: "/tmp", hostPath: `${dir}/other` }, {
              containerPath: "/home/",
              hostPath: `${dir}/other`,
            }],
          }),
      },
      {
        name: "twice the same place",
        act: ({ runToEnd, dir }) =>
          runToEnd({
            command: ["ls", "/v"],
            mounts: [{ containerPath: "/v", hostPath: `${dir}/data` }, {
              containerPath: "/v",
              hostPath: `${dir}/other`,
            }],
          }),
      },
      {
        name: "names with blanks and colons",
        act: async ({ runToEnd, dir }) => {
          await Deno.mkdir(`${dir}/a b:c,d`, { recursive: true });
          await Deno.writeTextFile(`${dir}/a b:c,d/f`, "odd\n");
          return await runToEnd({
            command: ["sh", "-c", "cat '/x y:z,w/f'"],
            mounts: [{ containerPath: "/x y:z,w", hostPath: `${dir}/a b:c,d` }],
          });
        },
      },
    ],
  }],
};
