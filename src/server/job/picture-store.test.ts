/** What every store of pictures promises, held by each of them. */

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openFolderPictureStore } from './folder-picture-store.ts';
import type { PictureStore } from './picture-store.ts';
import { openS3PictureStore, parseS3Address } from './s3-picture-store.ts';

/** Of a server that speaks S3, e.g. `s3://bucket?endpoint=http://127.0.0.1:4568`, with its keys in the environment. */
const s3Address = process.env['INTERLCM_TEST_S3'];

let clear: () => Promise<void> = async () => undefined;
afterEach(() => clear());

async function folderStore(): Promise<PictureStore> {
  const folder = await mkdtemp(path.join(tmpdir(), 'interlcm-pictures-'));
  clear = () => rm(folder, { recursive: true, force: true });
  return openFolderPictureStore(folder);
}

async function s3Store(): Promise<PictureStore> {
  clear = async () => undefined;
  const prefix = `test-${randomBytes(4).toString('hex')}/`;
  return openS3PictureStore({ ...parseS3Address(s3Address!), prefix });
}

describe.each([
  { name: 'in a folder', open: folderStore, skip: false },
  { name: 'in S3 (needs INTERLCM_TEST_S3)', open: s3Store, skip: s3Address === undefined },
])('a store of pictures $name', ({ open, skip }) => {
  const job = (digit: string): string => digit.repeat(32);

  it.skipIf(skip)('keeps what was written, and tells what is old', async () => {
    const store = await open();
    const photo = randomBytes(300_000);
    await store.write(job('a'), 'photo', photo);
    await store.write(job('a'), 'result', randomBytes(3));
    await store.write(job('a'), 'result', new Uint8Array([7, 7]));
    await store.write(job('b'), 'photo', new Uint8Array([1]));
    expect(photo.equals((await store.read(job('a'), 'photo'))!)).toBe(true);
    expect([...(await store.read(job('a'), 'result'))!]).toEqual([7, 7]);
    expect(await store.read(job('b'), 'result')).toBeUndefined();
    expect(await store.read(job('c'), 'photo')).toBeUndefined();
    const hour = 3_600_000;
    expect(await store.jobsBefore(new Date(Date.now() - hour))).toEqual([]);
    expect((await store.jobsBefore(new Date(Date.now() + hour))).sort()).toEqual([job('a'), job('b')]);
    await store.remove(job('a'));
    await store.remove(job('a'));
    expect(await store.read(job('a'), 'photo')).toBeUndefined();
    expect(await store.jobsBefore(new Date(Date.now() + hour))).toEqual([job('b')]);
    await store.remove(job('b'));
    await store.close();
  });
});

it('reads addresses of buckets', () => {
  expect(parseS3Address('s3://photos')).toEqual({ bucket: 'photos', prefix: '', endpoint: undefined });
  expect(parseS3Address('s3://photos/in/here?endpoint=https://host:9000')).toEqual({
    bucket: 'photos',
    prefix: 'in/here/',
    endpoint: 'https://host:9000',
  });
});
