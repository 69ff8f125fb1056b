import type { Area } from "./case.ts";

/** A server in the background is given time to listen by those who try it. */
const TRY = 'try() { for i in $(seq 100); do "$@" 2>/dev/null && return; sleep 0.1; done; echo gave up; }\n';

export const network: Area = {
  name: "network",
  groups: [{
    name: "pod",
    cases: [
      {
        name: "interfaces",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "/sys/class/net/eth0": "ls: /sys/class/net/eth0: No such file or directory",
            "/sys/class/net/lo": "ls: /sys/class/net/lo: No such file or directory",
          },
          why: "gVisor's kernel does not have these files (/sys/class/net)",
        }],
        script: "for i in eth0 lo; do ls -d /sys/class/net/$i; ip -o link show $i | grep -c $i; done",
      },
      {
        name: "hostname",
        script: "hostname; cat /etc/hostname; cat /proc/sys/kernel/hostname; hostname other; hostname",
      },
      { name: "resolver", script: "cat /etc/resolv.conf" },
      {
        name: "localhost is known by name",
        differs: [{
          kinds: ["gvisor"],
          instead: { "1": "ping: permission denied (are you root?)\n0\nexit 1" },
          why: "gVisor gives raw sockets to nobody unless `runsc.net_raw` says so",
        }],
        script: "ping -c 1 -W 5 localhost | grep -c '1 packets received'",
      },
      {
        name: "ping of loopback",
        differs: [{
          kinds: ["gvisor"],
          instead: { "1": "ping: permission denied (are you root?)\n0\nexit 1" },
          why: "gVisor gives raw sockets to nobody unless `runsc.net_raw` says so",
        }],
        script: "ping -c 1 -W 5 127.0.0.1 | grep -c '1 packets received'",
      },
      {
        name: "addresses of loopback",
        script: "ip -o addr show lo | grep -c 'inet 127.0.0.1/8'; ip -o link show lo | grep -c UP",
      },
      {
        name: "the whole loopback network",
        script:
          `${TRY}nc -l -p 7001 -s 127.0.0.5 -e echo there & try sh -c 'nc -w 5 127.0.0.5 7001 < /dev/null | grep there'`,
      },
      {
        name: "HTTP on loopback",
        script:
          `${TRY}mkdir -p /tmp/w; echo served > /tmp/w/f; httpd -p 127.0.0.1:8099 -h /tmp/w; try wget -q -O - http://127.0.0.1:8099/f; wget -q -O - http://127.0.0.1:8099/none 2>&1`,
      },
      { name: "nobody listens", script: "nc -w 5 127.0.0.1 9; echo $?" },
      {
        name: "ports below 1024",
        script: `${TRY}nc -l -p 81 -e echo low & try sh -c 'nc -w 5 127.0.0.1 81 < /dev/null | grep low'`,
      },
      { name: "one default route", script: "ip route | grep -c ^default" },
      {
        name: "MTU",
        differs: [{
          kinds: ["gvisor"],
          instead: { "1500": "cat: can't open '/sys/class/net/eth0/mtu': No such file or directory" },
          why: "gVisor's kernel does not have these files (/sys/class/net)",
        }],
        script: "cat /sys/class/net/eth0/mtu; ip -o link show eth0 | sed 's/.* mtu \\([0-9]*\\) .*/\\1/'",
      },
      {
        name: "the kernel's settings",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "ip_local_port_range 32768 60999\ntcp_syncookies 1\nip_unprivileged_port_start 1024\nping_group_range 1 0":
              "ip_local_port_range 16000 65535",
          },
          why: "gVisor's network has few settings, with values of its own",
        }],
        script:
          "cd /proc/sys/net/ipv4; for f in ip_local_port_range tcp_syncookies ip_unprivileged_port_start ping_group_range; do test -e $f && echo $f $(cat $f); done; true",
      },
      {
        name: "raw and packet sockets",
        differs: [{
          kinds: ["gvisor"],
          instead: { "raw icmp: ok\nping: EACCES\npacket: ok": "raw icmp: EPERM\nping: ok\npacket: EPERM" },
          why: "gVisor gives raw sockets to nobody unless `runsc.net_raw` says so",
        }],
        script: "probe sockets",
      },
      { name: "options of sockets", script: "probe options" },
      { name: "a datagram on loopback", script: "probe datagrams" },
      { name: "unix sockets, abstract and of pairs", script: "probe unix" },
      {
        name: "changes of the network",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "ip: RTNETLINK answers: Operation not permitted\nip: RTNETLINK answers: Operation not permitted\nip: RTNETLINK answers: Operation not permitted\nip: SIOCSIFMTU: Operation not permitted\nsh: write error: Operation not permitted":
              "ip: RTNETLINK answers: Permission denied\nip: RTNETLINK answers: Permission denied\nip: RTNETLINK answers: Permission denied\nip: SIOCSIFMTU: Inappropriate ioctl for device",
          },
          why: "gVisor's network answers with another error",
        }],
        script:
          "ip link add d0 type dummy; ip addr add 192.0.2.9/32 dev lo; ip route add 192.0.2.0/24 dev lo; ip link set lo mtu 1400; echo 1 > /proc/sys/net/ipv4/ip_forward; true",
      },
    ],
  }, {
    name: "a sysctl with slashes",
    pod: { name: "parity-slashes", sysctls: { "net/ipv4/ip_local_port_range": "10000 20000" } },
    cases: [{ name: "is set", script: "echo $(cat /proc/sys/net/ipv4/ip_local_port_range)" }],
  }, {
    name: "sysctls of the pod",
    pod: {
      name: "parity-sysctls",
      sysctls: {
        "net.core.somaxconn": "777",
        "net.ipv4.conf.eth0.log_martians": "1",
        "net/ipv4/conf/eth0/arp_ignore": "2",
        "kernel.msgmax": "4096",
        "kernel/shmmni": "512",
      },
    },
    cases: [
      {
        name: "in both spellings",
        differs: [{
          kinds: ["gvisor"],
          instead: { "777\n1\n2": "does not start" },
          why: "gVisor has no such settings, and a pod that asks for one fails",
        }],
        script:
          "cd /proc/sys; cat net/core/somaxconn net/ipv4/conf/eth0/log_martians net/ipv4/conf/eth0/arp_ignore",
      },
      {
        name: "of IPC",
        differs: [{
          kinds: ["gvisor"],
          instead: { "4096\n512": "does not start" },
          why: "gVisor has no such settings, and a pod that asks for one fails",
        }],
        script: "cd /proc/sys; cat kernel/msgmax kernel/shmmni",
      },
    ],
  }],
};
