import { execFileSync } from 'node:child_process';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { userCacheFolder } from './user-cache-folder.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

it('is the folder that XDG_CACHE_HOME names, if that is absolute', async () => {
  vi.stubEnv('XDG_CACHE_HOME', path.join(tmpdir(), 'cache'));
  expect(await userCacheFolder()).toBe(path.join(tmpdir(), 'cache', 'interlcm'));
});

it.skipIf(process.platform !== 'linux').each(['', 'relative'])(
  'is in the home where XDG_CACHE_HOME is "%s"',
  async (named) => {
    vi.stubEnv('XDG_CACHE_HOME', named);
    expect(await userCacheFolder()).toBe(path.join(homedir(), '.cache', 'interlcm'));
  },
);

const built = path.resolve(import.meta.dirname, '../../../../dist/platform/node/files/user-cache-folder.js');
/** Becomes a user whom the system does not know, then asks for the folder. */
const homeless = `process.setuid(4242424); delete process.env.HOME; delete process.env.XDG_CACHE_HOME;
  import(${JSON.stringify(built)}).then(async ({ userCacheFolder }) => console.log(await userCacheFolder()));`;

it.skipIf(process.getuid?.() !== 0)('is among the temporary files of a user who has no home', () => {
  const env = { ...process.env, HOME: undefined };
  const folder = execFileSync(process.execPath, ['-e', homeless], { env, encoding: 'utf8' }).trim();
  expect(folder).toBe(path.join(tmpdir(), 'interlcm-4242424'));
});
