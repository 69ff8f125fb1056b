// The system calls that a jailed program may make.
#ifndef KUASAR_JAIL_CALLS_H
#define KUASAR_JAIL_CALLS_H

// Leaves this process the calls of a list of names, separated by commas: any other ends it with SIGSYS. Names of calls that this
// processor does not have are fine. Ends the process, with what went wrong on stderr, where it cannot.
void jail_allow_calls(const char *names, const char *word);

#endif
