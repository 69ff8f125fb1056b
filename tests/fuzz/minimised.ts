/**
 * Makes an input that fails smaller: takes pieces out as long as what is left fails too, larger pieces first.
 *
 * @param fails whether an input fails
 * @param attempts at most so many inputs are tried
 */
export async function minimised(
  input: Uint8Array,
  fails: (input: Uint8Array) => Promise<boolean>,
  attempts: number,
): Promise<Uint8Array> {
  let smallest = input;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length && attempts > 0;) {
      const without = Uint8Array.from([...smallest.subarray(0, at), ...smallest.subarray(at + size)]);
      attempts--;
      if (await fails(without)) smallest = without;
      else at += size;
    }
  }
  return smallest;
}
