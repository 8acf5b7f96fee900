/** Bytes put together, and texts of one byte a letter. */

/** The parts one after another, copied. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The low byte of each letter. */
export function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** One letter for each byte. */
export function latin1Text(bytes: Uint8Array): string {
  const letters: string[] = [];
  // A call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 4096)
    letters.push(String.fromCharCode(...bytes.subarray(at, at + 4096)));
  return letters.join('');
}

/** Big-endian, 0 to 65,535. */
export function uint16Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

/** Big-endian, 0 to 2³² − 1. */
export function uint32Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** Whether two are as long and the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
