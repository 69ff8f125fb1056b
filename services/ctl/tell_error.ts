import { asKuasarError } from "../../lib/errors/mod.ts";

/** Says on stderr what went wrong. */
export function tellError(error: unknown): void {
  const { message, evidence } = asKuasarError(error);
  console.error(`kuasar-ctl: ${message}`);
  for (const line of evidence) console.error(`  ${line}`);
}
