#!/usr/bin/env bash
# runsc exec --detach takes a process that ends soon for one that never began.
#
# Expected: `runsc exec --detach --pid-file F CONTAINER true` answers 0 once the process runs; how the process ends is told by
# the helper whose pid is in F.
# What happens: the command that detaches looks in turns whether its helper has written the pid file and, if not, whether the
# helper still lives. A process that begins and ends between the two looks leaves a helper that has done all it had to: it ran the
# program, wrote the pid file, ended with the program's code. The command has reaped it by then, calls that a failure, answers 128
# and logs no error. Neither the process nor its exit code is seen by whoever called. On a busy node it happens by itself, once in
# some thousand short execs; here the second look is held up for half a second by strace.
# Without --detach the same exec answers with the code of the process.
set -euo pipefail
RUNSC=0.0~20240729.0-4+b7

work=$(mktemp -d)
cleanup() {
  "$work/root/usr/bin/runsc" --root "$work/state" delete --force c >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT

mkdir -p "$work"/{lists/partial,archives/partial,root,state,logs,bundle/rootfs/bin}
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" > "$work/sources"
apt=(-o Dir::Etc::SourceList="$work/sources" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists"
  -o Dir::Cache="$work" -o APT::Sandbox::User=root -q=2)
apt-get "${apt[@]}" update
(cd "$work" && apt-get "${apt[@]}" download "runsc=$RUNSC" busybox-static)
# It uses the C library of where it runs.
(cd "$work" && apt-get -q=2 download strace libunwind8)
for package in "$work"/*.deb; do dpkg-deb --extract "$package" "$work/root"; done
export LD_LIBRARY_PATH="$work/root/usr/lib/$(uname -m)-linux-gnu"

cp "$work/root/usr/bin/busybox" "$work/bundle/rootfs/bin/busybox"
for name in sh sleep true; do ln -s busybox "$work/bundle/rootfs/bin/$name"; done

cat > "$work/bundle/config.json" <<'JSON'
{"ociVersion": "1.0.2", "root": {"path": "rootfs"},
 "process": {"args": ["sleep", "100"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
 "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]}}
JSON
echo '{"args": ["sh", "-c", "exit 7"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}' > "$work/process.json"

runsc=("$work/root/usr/bin/runsc" --root "$work/state" --network none --ignore-cgroups)
"${runsc[@]}" --version
"${runsc[@]}" run --detach --bundle "$work/bundle" c > /dev/null 2>&1 < /dev/null

exec_args=(exec --process "$work/process.json")
code=0
"${runsc[@]}" "${exec_args[@]}" c || code=$?
echo "exec: answered $code"
[ "$code" = 7 ]

slow=("$work/root/usr/bin/strace" -f -qq -o /dev/null -e trace=wait4 -e inject=wait4:delay_enter=500000)
code=0
"${slow[@]}" "${runsc[@]}" --log "$work/log" --log-format json "${exec_args[@]}" --detach --pid-file "$work/pid" c || code=$?
echo "exec --detach, its second look late: answered $code, pid file $(cat "$work/pid"), logged $(wc -c < "$work/log") bytes"
[ "$code" = 128 ]
[ -s "$work/pid" ]
[ ! -s "$work/log" ]
echo "as described"
