import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

const program = 'interlcm';

/**
 * The user's cache folder of this program, by the system's custom: `XDG_CACHE_HOME` where it is set, else
 * `~/.cache/interlcm`, `~/Library/Caches/interlcm` or `%LOCALAPPDATA%\interlcm\Cache`; among the temporary files of a
 * user who has no home. It need not be there.
 */
export async function userCacheFolder(): Promise<string> {
  const named = process.env['XDG_CACHE_HOME'];
  // Only absolute paths count, by the XDG Base Directory Specification.
  if (named && path.isAbsolute(named)) return path.join(named, program);
  try {
    // Looks for the home as it is imported, and fails where there is none.
    const { default: envPaths } = await import('env-paths');
    const { cache } = envPaths(program, { suffix: '' });
    return path.isAbsolute(cache) ? cache : path.join(homedir(), '.cache', program);
  } catch {
    return path.join(tmpdir(), `${program}-${process.getuid?.() ?? 'cache'}`);
  }
}
