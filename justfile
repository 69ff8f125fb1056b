# Kuasar's target names, for what exists. `just --list` shows them; each is a deno task or script.

deno := "npx -y deno@2.9.6"
HYPERVISOR := "qemu"
KERNEL_VERSION := "6.12"
DEST_DIR := "/"

# Everything for microVM pods
all: vmm

# Host packages, kernel, guest agent and images for HYPERVISOR
vmm:
    {{deno}} task setup

# The guest kernel from Debian's linux-source-{{KERNEL_VERSION}}
kernel:
    {{deno}} run -A kernel/build.ts --version {{KERNEL_VERSION}}

# The guest agent (also kuasar-task and the containerd shim names)
vmm-task:
    {{deno}} run -A guest/build.ts

# initrd and erofs image of the guest
image:
    {{deno}} run -A image/build.ts

# Everything onto this host: programs, units, kernel, images, configuration
install:
    {{deno}} task install --destdir "{{trim_end_match(DEST_DIR, "/")}}"

# As install, with the driver of HYPERVISOR alone
install-vmm:
    {{deno}} task install --destdir "{{trim_end_match(DEST_DIR, "/")}}" --hypervisor {{HYPERVISOR}}

uninstall:
    {{deno}} task uninstall --destdir "{{trim_end_match(DEST_DIR, "/")}}"

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

demo:
    {{deno}} task demo

bench:
    {{deno}} task bench

# What builds and downloads left behind
clean:
    rm -rf build
