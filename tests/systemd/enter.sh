#!/bin/sh
# Becomes systemd as PID 1 of a machine that sees the host's files, or a copy of a root file system's, what is staged on top
# of them, and whose writes go nowhere. Runs in new mount, PID, network and cgroup namespaces.
#
# usage: enter.sh BASE CHECKOUT TARGET [ROOTFS]
set -eu
base=$1 checkout=$2 target=$3 rootfs=${4:-}
root=$base/root

mount --make-rprivate /
if [ -n "$rootfs" ]; then
  mount -t tmpfs -o size=6g,mode=755 tmpfs "$root"
  cp -a "$rootfs/." "$root/"
else
  mount -t tmpfs -o size=4g tmpfs "$base/cow"
  mkdir "$base/cow/upper" "$base/cow/work"
  mount -t overlay -o "lowerdir=/,upperdir=$base/cow/upper,workdir=$base/cow/work" overlay "$root"
fi
cp -a "$base/stage/." "$root/"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
# systemd makes the folder of the v1 hierarchies read-only, and with it every view of that file system: it gets its own.
# Mounted anew, a hierarchy begins at this namespace's root: what reads its place in it (gVisor) must find it below there.
if [ "$(stat -f -c %T /sys/fs/cgroup)" = tmpfs ]; then
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  for entry in /sys/fs/cgroup/*; do
    at=$root/sys/fs/cgroup/${entry##*/}
    if [ -L "$entry" ]; then cp -P "$entry" "$at"; continue; fi
    mkdir "$at"
    type=$(awk -v at="$entry" '$2 == at { print $3 }' /proc/mounts | tail -n 1)
    options=$(awk -v at="$entry" '$2 == at { print $4 }' /proc/mounts | tail -n 1 | tr , '\n' |
      grep -vE '^(rw|ro|relatime|nosuid|nodev|noexec)$' | paste -sd, - || true)
    mount -t "$type" ${options:+-o "$options"} cgroup "$at"
  done
fi
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
if [ -z "$rootfs" ]; then
  # No overlay can be the upper part of another: containerd makes overlays of its own.
  mkdir -p "$root/var/lib/containerd"
  mount -t tmpfs tmpfs "$root/var/lib/containerd"
  # It shows no mounts that lie in its lower file system.
  mkdir -p "$root$checkout"
  mount --rbind "$checkout" "$root$checkout"
fi

# Not by chroot, in which the kernel lets nobody make user namespaces (gVisor does).
mkdir -p "$root/.host"
cd "$root"
pivot_root . .host
umount -l /.host
# systemd does so itself where it is not told of a container.
mount --make-rshared /

exec env -i container=kuasar-test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system "--unit=$target" --log-target=console --show-status=0
