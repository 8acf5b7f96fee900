import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { memorySource, openTensorFile, readTensor } from '../checkpoint/index.ts';
import { decodeJpeg, encodeJpeg } from '../platform/node/picture/jpeg.ts';
import { verifyImageOps } from './image-ops.ts';
import type { VerifyRow } from './report.ts';

const folder = new URL('../../../shared/reference/image-ops/', import.meta.url);

describe.skipIf(!existsSync(folder))('verifyImageOps', () => {
  async function verify(
    change: (reference: Record<string, unknown>) => void = () => {},
  ): Promise<VerifyRow[]> {
    const reference = JSON.parse(await readFile(new URL('image-ops.json', folder), 'utf8'));
    change(reference);
    const bytes = await readFile(new URL('image-ops.safetensors', folder));
    const file = await openTensorFile(memorySource('image-ops.safetensors', bytes));
    const rows: VerifyRow[] = [];
    const read = (name: string) => readTensor(file, name);
    for await (const row of verifyImageOps(reference, read, { encodeJpeg, decodeJpeg })) rows.push(row);
    return rows;
  }

  test('passes every row', async () => {
    const rows = await verify();
    expect(rows.filter(({ passed }) => !passed)).toEqual([]);
    // 1 template, 4 + 4 matrices, 2 crops and 2 pasted photos of two rows, 3 degradations of 5, 24 metrics, 1 FID
    expect(rows.length).toBe(1 + 8 + 8 + 15 + 24 + 1);
  });

  test('fails where a number of the reference is another', async () => {
    const rows = await verify((reference) => {
      reference['fid'] = 141;
      (reference['affine'] as number[][][])[1]![0]![2]! += 0.01;
      (reference['degradations'] as { sigma_x: number }[])[1]!.sigma_x += 0.1;
      (reference['metrics'] as Record<string, number>[])[2]!['ssim_crop4_y1']! += 1e-4;
    });
    const failed = rows.filter(({ passed }) => !passed).map(({ name }) => name);
    expect(failed).toEqual(
      expect.arrayContaining(['affine1', 'degrade1.kernel', 'metrics2.ssim_crop4_y1', 'fid']),
    );
    expect(failed.length).toBeLessThan(8);
  });

  test('rejects JSON of another form', async () => {
    await expect(verify((reference) => delete reference['landmarks'])).rejects.toThrow('landmarks');
  });
});
