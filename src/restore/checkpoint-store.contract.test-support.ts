import { expect, it } from 'vitest';
import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { encodeSafetensors } from '../checkpoint/safetensors-writer.ts';
import { readTensor } from '../checkpoint/tensor-file.ts';
import { encodeTorchArchive } from '../checkpoint/torch-archive-writer.ts';
import type { CheckpointStore } from './checkpoint-store.ts';

/** Files by path, for a store to be made of. */
export async function contractFiles(): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const text = (value: string) => new TextEncoder().encode(value);
  const chunks: Uint8Array[] = [];
  const data = Float32Array.of(1, -2, 0.5, 3, 4, 5);
  for await (const chunk of encodeSafetensors([{ name: 'w', dtype: 'float32', shape: [2, 3], data }]))
    chunks.push(chunk);
  const archive = [
    ...encodeTorchArchive({ params: [{ name: 'v', shape: [2], data: Float32Array.of(7, 8) }] }),
  ];
  return new Map([
    ['lcm/unet/config.json', text('{"a":[1,"ü"]}')],
    ['broken.json', text('{"a":')],
    ['lcm/tokenizer/merges.txt', text('#version: 0.2\na ü\n')],
    ['lcm/w.safetensors', new Uint8Array(Buffer.concat(chunks))],
    ['v.pth', new Uint8Array(Buffer.concat(archive))],
    ['cut.safetensors', new Uint8Array(Buffer.concat(chunks)).slice(0, 20)],
  ]);
}

/** What every checkpoint store does. @param open the store of {@link contractFiles} */
export function checkpointStoreContract(open: () => Promise<CheckpointStore>): void {
  it('has a name, which errors begin with', async () => {
    const store = await open();
    expect(store.name).not.toBe('');
    const error = await store.readJson('broken.json').catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message).toContain('broken.json');
    expect((error as Error).message).toMatch(/it is not JSON/);
    expect((error as Error).cause).toBeInstanceOf(SyntaxError);
  });

  it('parses JSON, at any depth and as often as it is asked', async () => {
    const store = await open();
    for (let i = 0; i < 2; i++) expect(await store.readJson('lcm/unet/config.json')).toEqual({ a: [1, 'ü'] });
  });

  it('reads text', async () => {
    const store = await open();
    expect(await store.readText('lcm/tokenizer/merges.txt')).toBe('#version: 0.2\na ü\n');
    expect(await store.readText('none.txt')).toBeUndefined();
    await expect(store.readText('v.pth')).rejects.toThrow(/not text/);
  });

  it('opens tensors of each format, and tells where their file is', async () => {
    const store = await open();
    const safetensors = (await store.openTensors('lcm/w.safetensors'))!;
    const archive = (await store.openTensors('v.pth'))!;
    expect(await readTensor(safetensors.file, 'w')).toMatchObject({
      shape: [2, 3],
      data: Float32Array.of(1, -2, 0.5, 3, 4, 5),
    });
    expect((await readTensor(archive.file, 'v')).data).toEqual(Float32Array.of(7, 8));
    expect(safetensors.location).toMatch(/lcm\/w\.safetensors$/);
    expect(archive.location).not.toBe(safetensors.location);
    expect((await store.openTensors('v.pth'))!.location).toBe(archive.location);
  });

  it('has undefined for what is not there, a file in place of a folder included', async () => {
    const store = await open();
    for (const path of ['none.json', 'none/config.json', 'v.pth/config.json'])
      expect(await store.readJson(path)).toBeUndefined();
    for (const path of ['none.safetensors', 'none/w.safetensors', 'v.pth/w.safetensors'])
      expect(await store.openTensors(path)).toBeUndefined();
  });

  it('says which weights are damaged', async () => {
    const store = await open();
    const error = await store.openTensors('cut.safetensors').catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message).toContain('cut.safetensors');
  });
}
