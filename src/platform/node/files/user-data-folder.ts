import path from 'node:path';

/**
 * The user's folder of this program for what must not be lost, by the system's custom: `~/.local/share/interlcm` on
 * Linux. It need not be there.
 * @returns undefined for a user who has no home
 */
export async function userDataFolder(): Promise<string | undefined> {
  try {
    // Looks for the home as it is imported, and fails where there is none.
    const { default: envPaths } = await import('env-paths');
    const { data } = envPaths('interlcm', { suffix: '' });
    return path.isAbsolute(data) ? data : undefined;
  } catch {
    return undefined;
  }
}
