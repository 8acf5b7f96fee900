import { describe, expect, it } from 'vitest';
import { byteChunks } from './byte-chunks.ts';
import { encodeSafetensors } from './safetensors-writer.ts';
import { encodeTorchArchive } from './torch-archive-writer.ts';

describe('byteChunks', () => {
  it('cuts bytes into views, the last one shorter', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5);
    const chunks = [...byteChunks(bytes, 2)];
    expect(chunks.map((chunk) => [...chunk])).toEqual([[1, 2], [3, 4], [5]]);
    expect(chunks.every(({ buffer }) => buffer === bytes.buffer)).toBe(true);
    expect([...byteChunks(new Uint8Array())]).toEqual([]);
  });

  it('keeps what is written of large tensors below the limits of systems', async () => {
    const large = 2 ** 24 + 3; // 64 MiB and 12 bytes
    const tensor = { name: 'x', shape: [large], data: new Float32Array(large) };
    tensor.data[large - 1] = 7;
    const safetensors: Uint8Array[] = [];
    for await (const chunk of encodeSafetensors([{ ...tensor, dtype: 'float32' }])) safetensors.push(chunk);
    for (const chunks of [safetensors, [...encodeTorchArchive({ params: [tensor] })]]) {
      expect(Math.max(...chunks.map(({ length }) => length))).toBe(2 ** 26);
      const rest = chunks.find(({ length }) => length === 12)!;
      expect(rest.at(-1)).toBe(0x40); // 7 is 0x40e00000
    }
  });
});
