// This processor, as filters of system calls know it.
#ifndef KUASAR_ARCHITECTURE_H
#define KUASAR_ARCHITECTURE_H

#include <linux/audit.h>

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the filter of system calls knows this processor not"
#endif

#endif
