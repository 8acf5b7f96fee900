import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const module = fileURLToPath(
  new URL('../../../../dist/platform/node/engine/kept-memory.js', import.meta.url),
);

/** A program that restarts itself, then says what it is. */
const program = `
import { keepsMemory, restartKeepingMemory } from ${JSON.stringify(module)};
await restartKeepingMemory();
console.log(JSON.stringify({
  pid: process.pid, keeps: keepsMemory(), arguments: process.argv.slice(2), options: process.execArgv,
  tunables: process.env.GLIBC_TUNABLES ?? null,
}));
for await (const chunk of process.stdin) process.stderr.write(chunk);
`;

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kept-memory-'));
  file = path.join(folder, 'program.mjs');
  await writeFile(file, program);
});
afterAll(() => rm(folder, { recursive: true }));

const { GLIBC_TUNABLES: _, ...environment } = process.env;

describe.runIf(process.platform === 'linux')('a program that keeps its memory', () => {
  it('is the same process anew, with its arguments, options and files', async () => {
    const child = spawn(process.execPath, ['--no-deprecation', file, 'a b', '--flag='], { env: environment });
    const read = async (stream: NodeJS.ReadableStream): Promise<string> => {
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      return text;
    };
    const texts = Promise.all([read(child.stdout), read(child.stderr)]);
    child.stdin.end('what comes in');
    const [code] = await once(child, 'close');
    const [out, err] = await texts;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      pid: child.pid,
      keeps: true,
      arguments: ['a b', '--flag='],
      options: ['--no-deprecation'],
    });
    expect(err).toBe('what comes in');
  });

  it('leaves settings of the user alone', async () => {
    for (const tunables of ['', 'glibc.malloc.check=0']) {
      const running = run(process.execPath, [file], { env: { ...environment, GLIBC_TUNABLES: tunables } });
      running.child.stdin!.end();
      const { stdout } = await running;
      expect(JSON.parse(stdout)).toMatchObject({ keeps: false, tunables });
    }
  });

  it('has settings that the C library understands, so that blocks come from pages of 2 MB', async () => {
    const use = path.join(folder, 'use.mjs');
    await writeFile(
      use,
      `import { restartKeepingMemory } from ${JSON.stringify(module)};
       import { readFileSync } from 'node:fs';
       await restartKeepingMemory();
       const block = new Float32Array(2 ** 25).fill(1);
       const huge = /AnonHugePages: +(\\d+)/.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'));
       console.log(block[5], huge[1]);`,
    );
    const offered = await readFile('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8').catch(
      () => 'never',
    );
    const { stdout } = await run(process.execPath, [use], { env: environment });
    const [, kilobytes] = stdout.split(' ').map(Number);
    // 128 MiB were asked for.
    if (offered.includes('[never]')) expect(kilobytes).toBe(0);
    else expect(kilobytes).toBeGreaterThan(100_000);
  });
});
