import { mkdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { because } from '../../failure/failure.ts';
import { adviseOn, withAdvice } from './advice.ts';

it('says which flag helps, behind the message of the outermost error', () => {
  const cause = because(new RangeError('it has NaN'), { code: 'not-finite' });
  const error = new Error('Cannot restore a.png: it has NaN', { cause: new Error('between', { cause }) });
  expect(adviseOn(error)).toBe(
    'Cannot restore a.png: it has NaN. Try --device cpu; on the CPU it means damaged weights',
  );
  expect(withAdvice('there is none', { code: 'no-picture-in-folder', recursive: false })).toBe(
    'there is none; --recursive also looks into the folders inside it',
  );
});

it('goes by the cause that is nearest to the user', () => {
  const cause = because(new Error('it has NaN'), { code: 'not-finite' });
  const error = because(new Error('Training diverged', { cause }), {
    code: 'training-diverged',
    iteration: 3,
  });
  expect(adviseOn(error)).toBe('Training diverged');
});

it('knows a want of memory by its words, and leaves other messages alone', () => {
  const cause = new Error('std::bad_alloc');
  expect(adviseOn(new Error('Cannot restore a.png: there is not enough memory', { cause }))).toBe(
    'Cannot restore a.png: there is not enough memory: close other programs, or take --memory low',
  );
  expect(adviseOn(new Error('Cannot read a.png: permission denied'))).toBe(
    'Cannot read a.png: permission denied',
  );
  expect(adviseOn('stopped')).toBe('stopped');
});

it('puts into words what nobody has on its way: the system, a schema, a stack that is too deep', async () => {
  const caught = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);
  expect(adviseOn(await caught(readFile(import.meta.dirname)))).toBe('Cannot read a file: it is a folder');
  expect(adviseOn(await caught(mkdir(`${import.meta.filename}/a`)))).toBe(
    `Cannot make the folder ${import.meta.filename}/a: part of its path is a file, not a folder`,
  );
  expect(adviseOn(z.object({ spec: z.string() }).safeParse({}).error)).toMatch(
    /^A file has another form than it should: spec: missing, string expected$/,
  );
  const deeper = (depth: number): number => deeper(depth + 1) + 1;
  expect(adviseOn(await caught(Promise.resolve(0).then(deeper)))).toBe(
    'A file nests what it holds too deeply to be read',
  );
  expect(adviseOn(new Error('in words'))).toBe('in words');
});
