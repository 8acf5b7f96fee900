/** More bytes than this are written piece by piece: systems refuse 2 GiB at a time. */
const largestChunk = 2 ** 26;

/** Consecutive views of `bytes`, of at most `size` bytes each; none of nothing. */
export function* byteChunks(bytes: Uint8Array, size = largestChunk): Generator<Uint8Array, void, undefined> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
