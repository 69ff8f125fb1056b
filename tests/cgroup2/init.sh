#!/bin/busybox sh
# The first process of a machine that has the host's files, whose writes go nowhere, and cgroups of version 2 only. Runs /job
# and switches the machine off; as a unit of systemd's where there is a file /systemd.
busybox=/bin/busybox
export PATH=/bin
$busybox mkdir -p /proc /dev /lower /cow /new
$busybox mount -t proc proc /proc
$busybox mount -t devtmpfs devtmpfs /dev
$busybox mount -t 9p -o trans=virtio,version=9p2000.L,cache=loose,ro,msize=524288 root /lower || $busybox poweroff -f
$busybox mount -t tmpfs tmpfs /cow
$busybox mkdir /cow/upper /cow/work
$busybox mount -t overlay -o lowerdir=/lower,upperdir=/cow/upper,workdir=/cow/work overlay /new
$busybox mount -t proc proc /new/proc
$busybox mount -t sysfs sysfs /new/sys
$busybox mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
$busybox mount -t devtmpfs devtmpfs /new/dev
$busybox mkdir -p /new/dev/pts /new/dev/shm /new/dev/mqueue
$busybox mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /new/dev/pts
$busybox mount -t tmpfs tmpfs /new/dev/shm
$busybox mount -t mqueue mqueue /new/dev/mqueue
# containerd makes overlays of its own below this, which one cannot do in another. Temporary files go there too, and /tmp stays
# as it is: the checkout may lie in it.
$busybox mount -t tmpfs -o mode=755 tmpfs /new/run
$busybox mkdir -m 1777 /new/run/tmp
$busybox ip link set lo up
$busybox cp /job /bin/busybox /new/run
[ -e /systemd ] || exec $busybox switch_root /new /bin/sh /run/job

$busybox mkdir -p /new/run/systemd/system
# What else is started wants this one, which empties /tmp.
$busybox ln -s /dev/null /new/run/systemd/system/systemd-tmpfiles-setup.service
$busybox cat > /new/run/systemd/system/job.service <<UNIT
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh /run/job
StandardOutput=file:/dev/ttyS0
StandardError=inherit
TimeoutStartSec=infinity
UNIT
exec $busybox switch_root /new /lib/systemd/systemd --unit=job.service --show-status=0
