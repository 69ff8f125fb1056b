import type { Area, Case } from "./case.ts";

/** Each works in a directory of its own below `/tmp`. */
function inFolder(name: string, script: string, more: Partial<Case> = {}): Case {
  return { name, script: `d=$(mktemp -d) && cd $d\n${script}`, ...more } as Case;
}

function probe(name: string, program: string, more: Partial<Case> = {}): Case {
  return inFolder(name, `probe ${program}`, more);
}

export const files: Area = {
  name: "files",
  groups: [{
    name: "image",
    cases: [
      {
        name: "kinds and modes",
        differs: [{
          kinds: ["gvisor"],
          instead: { "drwxrwxrwt 0 0 2 4096 directory /tmp": "drwxrwxrwt 0 0 2 40 directory /tmp" },
          why: "gVisor mounts a tmpfs on an empty /tmp",
        }],
        script: "stat -c '%A %u %g %h %s %F %n' /opt/* /tmp /root /bin/probe-setuid",
      },
      {
        name: "links",
        script: "cat /opt/to-etc/group; cat /opt/dangling; cat /opt/loop; readlink /opt/loop",
      },
      {
        name: "a directory of root's alone",
        script: "stat -c %a /root; probe as 1000:1000 ls /root; echo $?",
      },
      {
        name: "what is written over the image",
        script: "echo more >> /etc/group; tail -n 1 /etc/group; rm /opt/secret; ls /opt",
      },
      {
        name: "a directory in place of a file",
        script:
          "rm /opt/no-format; mkdir /opt/no-format; touch /opt/no-format/x; ls -A /opt/no-format; stat -c %F /opt/no-format",
      },
      {
        name: "a directory of the image is renamed",
        script:
          "mkdir -p /opt/new/a; mv /opt/new /opt/newer; ls /opt/newer; mv /home/user /home/other; ls /home",
      },
      {
        name: "root of the tree",
        script:
          "ls -a / | grep -v dockerenv; stat -c '%A %h' / | cut -c 1-10; readlink -f /..; stat -c %i / /.. | uniq | wc -l",
      },
      {
        name: "a program of the image is replaced while it runs",
        differs: [{
          kinds: ["gvisor"],
          instead: { "sh: can't create /opt/busybox: Text file busy": "" },
          why: "gVisor's kernel lets a program be written while it runs",
        }],
        script:
          'cp /bin/busybox /opt/busybox; /opt/busybox sleep 100 & for i in $(seq 100); do test "$(readlink /proc/$!/exe)" = /opt/busybox && break; sleep 0.1; done; echo x > /opt/busybox; mv /opt/busybox /opt/moved; kill $!; ls /opt/moved',
      },
    ],
  }, {
    name: "calls",
    cases: [
      probe("an open file that is unlinked", "unlinked"),
      probe("a file without a name gets one", "tmpfile", {
        differs: [{
          kinds: ["gvisor"],
          instead: { "O_TMPFILE: ok\nlinkat: ok\ntext anonymous": "O_TMPFILE: EOPNOTSUPP" },
          why: "gVisor's file systems do not have it",
        }, {
          kinds: ["qemu"],
          instead: { "O_TMPFILE: ok\nlinkat: ok\ntext anonymous": "O_TMPFILE: EOPNOTSUPP" },
          why: "virtiofs makes no file without a name (O_TMPFILE)",
        }],
      }),
      probe("ways to rename", "renames", {
        differs: [{
          kinds: ["gvisor"],
          instead: { "RENAME_EXCHANGE: ok\nb has was a": "RENAME_EXCHANGE: EINVAL\nb has " },
          why: "gVisor's file systems do not have it",
        }],
      }),
      probe("holes", "holes", {
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "SEEK_DATA: 524288\nSEEK_HOLE: 528384\npunch: ok\nSEEK_DATA: ENXIO\nzero range: ok":
              "SEEK_DATA: EINVAL\nSEEK_HOLE: EINVAL\npunch: EOPNOTSUPP\nSEEK_DATA: EINVAL\nzero range: EOPNOTSUPP",
          },
          why: "gVisor's file systems do not have it",
        }],
      }),
      probe("shared mappings", "mapping"),
      probe("locks", "locks", {
        differs: [{
          kinds: ["gvisor"],
          instead: { "lease: ok": "lease: EINVAL" },
          why: "gVisor's file systems do not have it",
        }],
      }),
      probe("inotify", "notify"),
      probe("extended attributes", "xattrs"),
      probe("ways to open", "opens", {
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "openat2 without links: ELOOP\nopenat2 beneath: EXDEV":
              "openat2 without links: ENOSYS\nopenat2 beneath: ENOSYS",
          },
          why: "gVisor's kernel does not have these calls",
        }],
      }),
      probe("four append to one file", "append"),
      probe("copies inside of the kernel", "copies", {
        differs: [{
          kinds: ["gvisor"],
          instead: { "copy_file_range: 3": "copy_file_range: ENOSYS", "text 234501289": "text 234589" },
          why: "gVisor's kernel does not have these calls",
        }],
      }),
      probe("times", "times"),
      probe("five hundred files in a directory", "many"),
      probe("past 4 GiB", "big", {
        differs: [{
          kinds: ["gvisor"],
          instead: { "size 5368709121, few blocks: yes": "size 5368709121, few blocks: no" },
          why: "gVisor's tmpfs counts no blocks of a hole",
        }],
      }),
      probe("a sealed file in memory", "memfd"),
      probe("direct input and output", "direct"),
      probe("FIFO and unix socket", "fifo"),
    ],
  }, {
    name: "shell",
    cases: [
      inFolder(
        "hard links",
        "echo x > a; ln a b; echo y >> b; cat a; stat -c %h a b; rm a; stat -c %h b; mkdir d; ln d e; ln -s b s; ln s t; readlink t",
      ),
      inFolder(
        "modes and umask",
        "umask 027; touch f; mkdir d; stat -c '%a %n' f d; chmod u+s,g+s,+t f; stat -c %a f; chown 1000:1000 f; stat -c '%a %u:%g' f",
      ),
      inFolder(
        "a directory that gives its group",
        "mkdir d; chgrp 2000 d; chmod 2775 d; touch d/f; mkdir d/e; stat -c '%a %g %n' d/f d/e",
      ),
      inFolder(
        "a sticky directory",
        "mkdir d; chmod 1777 d; touch d/f; probe as 1000:1000 rm d/f; probe as 1000:1000 mv d/f d/g; ls d",
      ),
      inFolder(
        "who may read",
        "echo x > f; chmod 640 f; chgrp 2000 f; chmod 755 .; for g in 1000 2000; do probe as 1000:$g cat f; done; chmod 000 f; cat f",
      ),
      inFolder(
        "a write clears setuid",
        "cp /bin/probe f; chmod 4777 f; chmod 777 .; probe as 1000:1000 sh -c 'echo >> f'; stat -c %a f",
      ),
      inFolder(
        "device nodes",
        "mknod n c 1 3; echo x > n; echo $?; mknod b b 7 99; stat -c '%F %t:%T' n b; mknod p p; stat -c %F p",
      ),
      inFolder(
        "names",
        "touch 'a b' '-r' \"$(printf 'new\\nline')\" 'ä' '\\'; ls -1 | od -c | head -n 3; rm -- *; ls",
      ),
      inFolder(
        "deep directories",
        "i=0; p=.; while [ $i -lt 40 ]; do p=$p/0123456789; i=$((i+1)); done; mkdir -p $p; touch $p/f; find . -type f | wc -c; rm -r 0123456789; ls",
      ),
      inFolder("a path that is too long", "p=$(printf '%04096d' 0); ls /$p 2>&1 | sed 's/0*//'"),
      inFolder(
        "errors of removal",
        "mkdir -p d/e; touch f; rmdir d; rmdir f; rm d; rmdir /proc; rm /proc/version; ls",
      ),
      inFolder(
        "a file is truncated while another reads",
        "printf '%01000d' 0 > f; exec 3< f; dd bs=10 count=1 <&3 2>/dev/null; : > f; echo; wc -c <&3; printf new > f; wc -c f",
      ),
      inFolder("what is renamed stays open", "echo old > f; exec 3< f; echo new > g; mv g f; cat <&3; cat f"),
      inFolder(
        "many at once",
        "for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3 4 5; do echo $i > f$i.$j; done) & done; wait; cat f* | sort | uniq -c",
      ),
      inFolder(
        "df, sync and a large file",
        "dd if=/dev/zero of=f bs=1M count=16 2>/dev/null; sync; stat -c %s f; md5sum f; df f | wc -l; truncate -s 5 f; stat -c %s f",
      ),
      inFolder(
        "an archive and back",
        "mkdir -p a/b; echo x > a/b/c; ln -s b a/l; ln a/b/c a/h; chmod 640 a/b/c; tar cf t.tar a; rm -r a; tar xf t.tar; find a | sort; stat -c '%a %h' a/h; readlink a/l",
      ),
    ],
  }, {
    name: "read-only root",
    container: { readonlyRootfs: true },
    cases: [
      {
        name: "nothing is written",
        differs: [{
          kinds: ["gvisor"],
          instead: { "touch: /tmp/x: Read-only file system": "" },
          why: "gVisor mounts a tmpfs on an empty /tmp, which can be written",
        }],
        script:
          "for f in /x /etc/passwd /tmp/x /root/x; do touch $f; done; mkdir /d; rm /etc/group; chmod 777 /opt; ln -s x /l; mknod /n p",
      },
      {
        name: "what is",
        script:
          "echo x > /dev/shm/x && cat /dev/shm/x; echo x > /dev/null; touch /dev/x; echo $?; grep ' / ' /proc/mounts | cut -d' ' -f4 | cut -d, -f1",
      },
      {
        name: "running programs",
        script: "probe identity; in-path; /opt/not-executable; /opt/no-interpreter; /opt/no-format; echo $?",
      },
    ],
  }],
};
