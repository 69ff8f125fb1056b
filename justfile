# Kuasar's target names, for what exists. `just --list` shows them; each is a deno task or script. As with make, settings
# may stand behind the target: `just kernel KERNEL_VERSION=6.12`, `just install-vmm HYPERVISOR=qemu DEST_DIR=/tmp/package`.

deno := "npx -y deno@2.9.6"
HYPERVISOR := "qemu"
KERNEL_VERSION := "6.12"
DEST_DIR := "/"

again := quote(just_executable()) + " -f " + quote(justfile())
settings := "HYPERVISOR=" + HYPERVISOR + " KERNEL_VERSION=" + KERNEL_VERSION + " DEST_DIR=" + DEST_DIR

# Everything for pods of every kind
all:
    {{deno}} task setup

# What pods of HYPERVISOR need: host packages and guest agent, for VMs also kernel and images; tells what is not to be had here
vmm *SETTINGS:
    @{{again}} {{settings}} {{SETTINGS}} _setup

_setup:
    {{deno}} task setup --hypervisor {{HYPERVISOR}}

# What pods of WebAssembly modules need
wasm:
    @{{again}} {{settings}} HYPERVISOR=wasm _setup

# What pods on the host need
runc:
    @{{again}} {{settings}} HYPERVISOR=runc _setup

# The guest kernel from Debian's linux-source-KERNEL_VERSION
kernel *SETTINGS:
    @{{again}} {{settings}} {{SETTINGS}} _kernel

_kernel:
    {{deno}} run -A kernel/build.ts --version {{KERNEL_VERSION}}

# The guest agent (also kuasar-task and the containerd shim names)
vmm-task:
    {{deno}} run -A guest/build.ts

# initrd and erofs image of the guest
image:
    {{deno}} run -A image/build.ts

# Everything onto this host: programs, units, kernel, images, configuration
install *SETTINGS:
    @{{again}} {{settings}} {{SETTINGS}} _install

# As install, with the driver of HYPERVISOR alone
install-vmm *SETTINGS:
    @{{again}} {{settings}} {{SETTINGS}} _install-driver

# As install, with the driver wasm alone
install-wasm *SETTINGS:
    @{{again}} {{settings}} {{SETTINGS}} HYPERVISOR=wasm _install-driver

# As install, with the driver runc alone
install-runc *SETTINGS:
    @{{again}} {{settings}} {{SETTINGS}} HYPERVISOR=runc _install-driver

_install:
    {{deno}} task install --destdir "{{trim_end_match(DEST_DIR, "/")}}"

_install-driver:
    {{deno}} task install --destdir "{{trim_end_match(DEST_DIR, "/")}}" --hypervisor {{HYPERVISOR}}

uninstall *SETTINGS:
    @{{again}} {{settings}} {{SETTINGS}} _uninstall

_uninstall:
    {{deno}} task uninstall --destdir "{{trim_end_match(DEST_DIR, "/")}}"

# Packages for Debian, into build/packages
package:
    {{deno}} task package

# Run everything in this terminal
local-up:
    {{deno}} task start

# Formatting, lints, types, dependency arrows
check:
    {{deno}} task check

# Every test
test:
    {{deno}} task test

# The tests against a real containerd only
test-e2e:
    {{deno}} test -A tests/e2e

# Kill and stop processes of a node at random
chaos:
    {{deno}} task chaos

demo:
    {{deno}} task demo

bench:
    {{deno}} task bench

# What builds and downloads left behind
clean:
    rm -rf build
