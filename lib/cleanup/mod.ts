/** Cleanup as a list of named idempotent steps. */
export { cleanUp, type CleanupStep, type Leftover, runCleanup, UndoStack } from "./cleanup.ts";
