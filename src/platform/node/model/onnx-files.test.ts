import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handMadeModel } from '../../../graph/onnx/hand-made-model.test-support.ts';
import { hostTensor } from '../../../tensor/host-tensor.ts';
import { loadRestorer } from './load-restorer.ts';
import { openOnnxFile } from './onnx-files.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'onnx-files-'));
  await mkdir(join(root, 'model/data'), { recursive: true });
  await writeFile(join(root, 'secret.bin'), new Uint8Array(64));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const shape = [1, 3, 16, 16];
/** Multiplies by a number that lies in another file. */
async function writeModel(name: string, location: string, offset = '4'): Promise<string> {
  const file = join(root, 'model', name);
  const bytes = handMadeModel({
    nodes: [{ op: 'Mul', inputs: ['input', 'factor'], outputs: ['output'] }],
    inputs: [{ name: 'input', shape }],
    outputs: [{ name: 'output', shape }],
    tensors: [{ name: 'factor', dims: [1], external: { location, offset, length: '4' } }],
  });
  await writeFile(file, bytes);
  return file;
}
const face = hostTensor(shape, new Float32Array(768).fill(0.5));

describe("a restorer's ONNX file", () => {
  it('has weights beside it, and is described by a small file', async () => {
    const file = await writeModel('own.onnx', 'data/factor.bin');
    await writeFile(join(root, 'model/data/factor.bin'), Float32Array.of(9, -0.5));
    const restored = async (): Promise<number> => {
      const restorer = await loadRestorer(file, { threads: 1 });
      try {
        return (await restorer.restore(face)).data[0]!;
      } finally {
        await restorer.release();
      }
    };
    expect(await restored()).toBeCloseTo(-0.25, 6);
    // In [0, 1] 0.5 is 0.75, which becomes -0.375, darker than black.
    await writeFile(join(root, 'model/own.json'), JSON.stringify({ range: [0, 1] }));
    expect(await restored()).toBe(-1);
    await writeFile(join(root, 'model/own.json'), JSON.stringify({ range: [1, 0] }));
    await expect(restored()).rejects.toThrow(/own\.json: it does not describe a restorer: range/);
    await writeFile(join(root, 'model/own.json'), '{');
    await expect(restored()).rejects.toThrow(/own\.json: /);
  });

  it('reaches nothing outside its folder, by links neither', async () => {
    await symlink(join(root, 'secret.bin'), join(root, 'model/link.bin'));
    await symlink(root, join(root, 'model/up'));
    for (const location of ['link.bin', 'up/secret.bin'])
      await expect(openOnnxFile(await writeModel('linked.onnx', location))).rejects.toThrow(
        `tensor "factor" lies in ${location}, which leads out of the folder`,
      );
  });

  it.each<[what: string, location: string, offset: string, message: string]>([
    ['is not there', 'none.bin', '0', 'lies in none.bin, which is not there'],
    ['is too short', 'data/factor.bin', '8', 'has 4 bytes at 8 of data/factor.bin, which is shorter'],
    ['is a folder', 'data', '0', 'of data, which is shorter'],
  ])('is refused where a file that it needs %s', async (_, location, offset, message) => {
    await writeFile(join(root, 'model/data/factor.bin'), new Uint8Array(8));
    await expect(openOnnxFile(await writeModel('lacking.onnx', location, offset))).rejects.toThrow(message);
  });

  it('is refused where it is none, or too large to be one', async () => {
    const note = join(root, 'note.onnx');
    await writeFile(note, 'a note');
    await expect(openOnnxFile(note)).rejects.toThrow(/Cannot read .*note\.onnx: it/);
    await truncate(note, 2 ** 31);
    await expect(openOnnxFile(note)).rejects.toThrow('an ONNX file has at most 2147483647');
    await expect(openOnnxFile(join(root, 'none.onnx'))).rejects.toThrow('there is no such file');
  });
});
