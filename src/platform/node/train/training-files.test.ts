import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findTrainingFiles } from './training-files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'training-files-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('names pictures that end too early before training begins, and reads those that lack the end mark only', {
  timeout: 240_000,
}, async () => {
  const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 37) >> 5);
  const picture = () => sharp(noise, { raw: { width: 64, height: 64, channels: 3 } });
  const [jpeg, png] = [await picture().jpeg().toBuffer(), await picture().png().toBuffer()];
  const whole = { 'a.jpg': jpeg, 'b.png': png, 'c.jpg': jpeg.subarray(0, -2), 'd.png': png.subarray(0, -12) };
  for (const [name, bytes] of Object.entries(whole)) await writeFile(join(folder, name), bytes);
  expect((await findTrainingFiles({ folder })).high).toHaveLength(4);
  await writeFile(join(folder, 'e.jpg'), jpeg.subarray(0, jpeg.length - 300));
  await writeFile(join(folder, 'f.png'), png.subarray(0, png.length - 300));
  await expect(findTrainingFiles({ folder })).rejects.toThrow(
    `2 of 6 pictures cannot be read: ${join(folder, 'e.jpg')} (the JPEG file ends too early), ${join(folder, 'f.png')} (the PNG file ends too early)`,
  );
});
