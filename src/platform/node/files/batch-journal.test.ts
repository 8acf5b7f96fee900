import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BatchJournal, describeFiles, hashFile, sha256 } from './batch-journal.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const entry = (key: string, contents = key) => ({
  key,
  files: [{ path: `${key}.txt`, sha256: sha256(contents) }],
  report: { of: key },
});

describe('BatchJournal', () => {
  it('knows a result whose files are as it wrote them', async () => {
    const journal = await BatchJournal.open(folder);
    await journal.record(entry('a'));
    expect(await journal.find('a')).toBeUndefined();
    await writeFile(join(folder, 'a.txt'), 'a');
    for (const known of [journal, await BatchJournal.open(folder)]) {
      expect(await known.find('a')).toEqual({ of: 'a' });
      expect(await known.find('b')).toBeUndefined();
    }
    await writeFile(join(folder, 'a.txt'), 'another');
    expect(await journal.find('a')).toBeUndefined();
  });

  it('tells its own files from others', async () => {
    const journal = await BatchJournal.open(folder);
    await journal.record(entry('a', 'first'));
    await journal.record(entry('a', 'second'));
    const file = join(folder, 'a.txt');
    expect(await journal.isForeign(file)).toBe(false);
    for (const known of [journal, await BatchJournal.open(folder)])
      for (const [contents, foreign] of [
        ['first', false],
        ['second', false],
        ['changed by hand', true],
      ] as const) {
        await writeFile(file, contents);
        expect(await known.isForeign(file)).toBe(foreign);
      }
    await writeFile(join(folder, 'b.txt'), 'first');
    expect(await journal.isForeign(join(folder, 'b.txt'))).toBe(true);
    expect(await journal.isForeign(folder)).toBe(true);
  });

  it('survives a line cut off anywhere', async () => {
    const journal = await BatchJournal.open(folder);
    await journal.record(entry('a'));
    await journal.record(entry('b'));
    for (const name of ['a', 'b', 'c']) await writeFile(join(folder, `${name}.txt`), name);
    const file = join(folder, '.interlcm.jsonl');
    const whole = JSON.stringify(entry('a')).length + 1;
    for (const length of [whole, whole + 1, whole + 30]) {
      await truncate(file, length);
      const cut = await BatchJournal.open(folder);
      expect(await cut.find('a')).toEqual({ of: 'a' });
      expect(await cut.find('b')).toBeUndefined();
      await cut.record(entry('c'));
      expect(await (await BatchJournal.open(folder)).find('c'), `cut at ${length}`).toEqual({ of: 'c' });
    }
  });

  it('passes over lines that are none of its own', async () => {
    const journal = await BatchJournal.open(folder);
    await journal.record(entry('a'));
    await appendFile(join(folder, '.interlcm.jsonl'), '{"key":1}\nnot JSON\n[]\n');
    await writeFile(join(folder, 'a.txt'), 'a');
    expect(await (await BatchJournal.open(folder)).find('a')).toEqual({ of: 'a' });
  });

  it('says where it cannot write', async () => {
    await writeFile(join(folder, 'file'), '');
    const journal = await BatchJournal.open(join(folder, 'file'));
    await expect(journal.record(entry('a'))).rejects.toThrow(/^Cannot write .*file/);
  });
});

it('files are described by what changes when they are replaced', async () => {
  await writeFile(join(folder, 'weights'), 'one');
  const before = await describeFiles(folder);
  expect(await describeFiles(folder)).toBe(before);
  await writeFile(join(folder, 'weights'), 'three');
  expect(await describeFiles(folder)).not.toBe(before);
  expect(await describeFiles(join(folder, 'nothing'))).toContain('missing');
  expect(await hashFile(join(folder, 'weights'))).toBe(sha256('three'));
});
