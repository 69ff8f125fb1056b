/** JSON for `--json`: 64-bit numbers that are exact as numbers stay numbers, others become strings; bytes base64. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, v) => {
    if (typeof v === "bigint") return Number.isSafeInteger(Number(v)) ? Number(v) : String(v);
    if (v instanceof Uint8Array) return v.toBase64();
    return v;
  }, 2);
}
