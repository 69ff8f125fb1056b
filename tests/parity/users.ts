import type { Area } from "./case.ts";

export const users: Area = {
  name: "users",
  groups: [{
    name: "root",
    cases: [
      { name: "identity", script: "probe identity; id; echo $HOME" },
      {
        name: "capabilities",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "effective 00000000a80425fb\npermitted 00000000a80425fb":
              "effective 00000000a80405fb\npermitted 00000000a80405fb",
            "bounding 00000000a80425fb": "bounding 00000000a80405fb",
          },
          why: "gVisor gives raw sockets to nobody unless `runsc.net_raw` says so",
        }],
        script: "probe capabilities",
      },
      {
        name: "setuid programs",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "uid 1000 0 0 gid 1000 1000 1000 groups": "uid 1000 1000 1000 gid 1000 1000 1000 groups",
          },
          why: "gVisor grants no set-user-ID",
        }],
        script: "probe as 1000:1000 probe-setuid identity",
      },
      {
        name: "setuid programs and capabilities",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "effective 00000000a80425fb\npermitted 00000000a80425fb":
              "effective 0000000000000000\npermitted 0000000000000000",
            "bounding 00000000a80425fb": "bounding 00000000a80405fb",
          },
          why: "gVisor grants no set-user-ID",
        }],
        script: "probe as 1000:1000 probe-setuid capabilities",
      },
      {
        name: "becoming a user",
        script: "su user -c 'probe identity'; probe as 1000:1000 probe identity; su user -c 'id; echo $HOME'",
      },
      {
        name: "a user has no capabilities",
        differs: [{
          kinds: ["gvisor"],
          instead: { "bounding 00000000a80425fb": "bounding 00000000a80405fb" },
          why: "gVisor gives raw sockets to nobody unless `runsc.net_raw` says so",
        }],
        script: "probe as 1000:1000 probe capabilities",
      },
      {
        name: "a file's capability",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "setxattr: ok": "setxattr: EOPNOTSUPP",
            "effective 0000000000000400\npermitted 0000000000000400":
              "effective 0000000000000000\npermitted 0000000000000000",
            "bounding 00000000a80425fb": "bounding 00000000a80405fb",
          },
          why: "gVisor keeps no capabilities of files that a container sets",
        }],
        script:
          "cp /bin/probe /tmp/capable; probe setcap /tmp/capable; probe as 1000:1000 /tmp/capable capabilities",
      },
      {
        name: "a file's capability goes with a write",
        differs: [{
          kinds: ["gvisor"],
          instead: { "setxattr: ok": "setxattr: EOPNOTSUPP" },
          why: "gVisor keeps no capabilities of files that a container sets",
        }],
        script:
          "cp /bin/probe /tmp/capable; probe setcap /tmp/capable; echo >> /tmp/capable; probe as 1000:1000 /tmp/capable capabilities | head -n 2",
      },
      {
        name: "no_new_privs stops setuid",
        script: "setpriv --nnp probe as 1000:1000 probe-setuid identity",
      },
      {
        name: "what root may not do",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "mount: mounting none on /mnt failed: No such file or directory\n255":
              "mount: permission denied (are you root?)\n1",
            "cat: can't open '/tmp/disk': Operation not permitted":
              "cat: can't open '/tmp/disk': No such device or address",
          },
          why: "gVisor refuses with another error",
        }],
        script:
          "mount -t tmpfs none /mnt; echo $?; chroot / true; echo $?; date -s 2000-01-01 > /dev/null; hostname x; mknod /tmp/disk b 8 0; echo $?; cat /tmp/disk",
      },
      {
        name: "kernel settings",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "sh: can't create /proc/sysrq-trigger: nonexistent directory":
              "sh: can't create /proc/sys/kernel/panic: Operation not permitted\nsh: write error: Input/output error\nsh: can't create /proc/sys/vm/drop_caches: Operation not permitted",
          },
          why: "gVisor's /proc can be written to in part, and refuses what goes into it",
        }],
        script:
          "echo 1 > /proc/sys/kernel/panic; echo x > /proc/sysrq-trigger; echo 1 > /proc/sys/vm/drop_caches; cat /proc/kcore | wc -c",
      },
      {
        name: "identity maps",
        differs: [{
          kinds: ["gvisor"],
          instead: { "allow": "cat: can't open '/proc/self/setgroups': No such file or directory\nexit 1" },
          why: "gVisor's kernel does not have these files",
        }],
        script: "cat /proc/self/uid_map | tr -s ' '; cat /proc/self/setgroups",
      },
      {
        name: "unknown users own files",
        script:
          "touch /tmp/f; chown 12345:54321 /tmp/f; stat -c '%u:%g %U:%G' /tmp/f; chown 4294967294:4294967294 /tmp/f; stat -c %u /tmp/f",
      },
    ],
  }, {
    name: "a user of the image",
    container: { runAsUsername: "user" },
    cases: [
      { name: "identity", script: "probe identity; id; echo $HOME" },
      {
        name: "capabilities",
        differs: [{
          kinds: ["gvisor"],
          instead: { "bounding 00000000a80425fb": "bounding 00000000a80405fb" },
          why: "gVisor gives raw sockets to nobody unless `runsc.net_raw` says so",
        }],
        script: "probe capabilities",
      },
      {
        name: "files of others",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "*":
              "cat: can't open '/opt/secret': Permission denied\ntouch: /etc/x: Permission denied\n1000:1000\nls: can't open '/root': Permission denied\nsh: write error: Invalid argument\n0\nls: /proc/1/cwd: cannot read link: Permission denied\n1",
          },
          why: "gVisor shows whose /proc/1/cwd it is, and refuses to follow it",
        }],
        script:
          "cat /opt/secret; touch /etc/x; touch /tmp/mine; stat -c %u:%g /tmp/mine; ls /root; echo > /proc/self/oom_score_adj; cat /proc/1/environ | wc -l; ls -l /proc/1/cwd | wc -l",
      },
      {
        name: "setuid programs",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "uid 1000 0 0 gid 1000 1000 1000 groups 1000 2000":
              "uid 1000 1000 1000 gid 1000 1000 1000 groups 1000 2000",
          },
          why: "gVisor grants no set-user-ID",
        }],
        script: "probe-setuid identity",
      },
      {
        name: "standard streams can be opened again",
        script: "echo one > /dev/stdout; echo two > /dev/stderr; echo three > /proc/self/fd/1",
      },
      {
        name: "terminals and devices",
        script:
          "echo x > /dev/null; head -c 4 /dev/urandom | wc -c; test -w /dev/ptmx && echo ptmx; test -r /dev/mem; echo $?",
      },
    ],
  }, {
    name: "numbers alone",
    container: { runAsUser: 4711, runAsGroup: 4712, supplementalGroups: [2000, 3000] },
    cases: [
      { name: "identity", script: "probe identity; id; echo $HOME; whoami" },
      { name: "files", script: "touch /tmp/f$$; stat -c '%u %g' /tmp/f$$; rm /tmp/f$$; touch /root/x" },
    ],
  }, {
    name: "a user without a group",
    container: { runAsUser: 1000 },
    cases: [
      { name: "identity", script: "probe identity; id" },
    ],
  }, {
    name: "no capabilities",
    container: { dropCapabilities: ["ALL"] },
    cases: [
      { name: "capabilities", script: "probe capabilities" },
      {
        name: "root without them",
        script:
          "chown 1 /tmp; ls /root; touch /home/user/x; chown 1000 /home/user/x; probe as 1000:1000 true; cat /opt/secret; kill -0 1; echo $?",
      },
    ],
  }, {
    name: "one capability",
    container: { dropCapabilities: ["ALL"], addCapabilities: ["CHOWN"] },
    cases: [{
      name: "capabilities",
      script: "probe capabilities; touch /tmp/own; chown 5 /tmp/own; stat -c %u /tmp/own",
    }],
  }, {
    name: "a capability for a user",
    container: { runAsUser: 1000, addCapabilities: ["SYS_PTRACE"] },
    cases: [{
      name: "capabilities",
      differs: [{
        kinds: ["gvisor"],
        instead: { "bounding 00000000a80c25fb": "bounding 00000000a80c05fb" },
        why: "gVisor gives raw sockets to nobody unless `runsc.net_raw` says so",
      }],
      script: "probe capabilities",
    }],
  }, {
    name: "no new privileges",
    container: { runAsUser: 1000, noNewPrivileges: true },
    cases: [{ name: "setuid programs", script: "probe-setuid identity; probe prctls | grep no_new" }],
  }, {
    name: "privileged",
    pod: { name: "parity-privileged", privileged: true },
    container: { privileged: true },
    cases: [
      {
        name: "capabilities",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "effective 000001fffeffffff\npermitted 000001fffeffffff":
              "effective 000001fffeffdfff\npermitted 000001fffeffdfff",
            "bounding 000001fffeffffff": "bounding 000001fffeffdfff",
          },
          why: "gVisor gives raw sockets to nobody unless `runsc.net_raw` says so",
        }],
        script: "probe capabilities | sed 's/[0-9a-f]*ffffffff$/all/'",
      },
      {
        name: "mounts",
        script:
          "mkdir -p /tmp/m; mount -t tmpfs none /tmp/m && touch /tmp/m/x && ls /tmp/m; mount --bind /etc /tmp/m && ls /tmp/m/group; umount /tmp/m; umount /tmp/m; ls /tmp/m | wc -l",
      },
      { name: "namespaces", script: "probe namespaces" },
      {
        name: "kernel settings of the pod",
        script:
          "echo 1 > /proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/ip_forward",
      },
    ],
  }],
};
