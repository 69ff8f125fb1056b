/** What V8 tells a reviver about a number; older engines give nothing. */
interface Context {
  source?: string;
}

/** `JSON.rawJSON`, where the engine has it. */
const rawJson = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON;

/**
 * Reads JSON without losing digits: an integer too large for a double becomes a bigint.
 *
 * Go writes 64-bit numbers as they are ("no limit" is 18446744073709551615); a round trip through doubles
 * turns that into a number that overflows in the next reader.
 *
 * @throws SyntaxError
 */
export function parseExact(json: string): unknown {
  return JSON.parse(
    json,
    ((_key: string, value: unknown, context?: Context) =>
      typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) &&
        /^-?\d+$/.test(context?.source ?? "")
        ? BigInt(context!.source!)
        : value) as (key: string, value: unknown) => unknown,
  );
}

/** Writes JSON; the counterpart of `parseExact`. */
export function stringifyExact(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, item) => typeof item === "bigint" ? (rawJson ? rawJson(String(item)) : Number(item)) : item,
  );
}
