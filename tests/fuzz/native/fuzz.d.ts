/** What the fuzzing program has besides the agent's own native module: see `fuzz.c`. */

/** Takes the file in which the input of each run is kept, so that it outlives a run that ends the process. */
export function keepAt(path: string): void;
/** Begins the inputs of a seed. */
export function start(seed: number): void;
/** Adds a sample that inputs are made from, or a word that is put into them. */
export function add(bytes: Uint8Array, isWord: boolean): void;
/** The next input, which is kept. */
export function next(): Uint8Array;
/**
 * Hands the keeper packets of a task server: for each two bytes, how many descriptors it has and a third of its length, then its text.
 * Ends the process where descriptors or items are lost or left.
 */
export function keeperHears(packets: Uint8Array): void;
/** Has the keeper read a line of /proc/PID/stat. @returns the start time that it finds */
export function keeperReads(stat: Uint8Array): number;
/** Has the greeter look for a socket in LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES, three texts with NUL between. */
export function greeterFinds(variables: Uint8Array): number;
