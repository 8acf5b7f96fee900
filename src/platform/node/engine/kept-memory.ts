/**
 * Memory that the C library keeps for this process. Networks take hundreds of megabytes for every picture and give them
 * back: by glibc's own settings each time is one of fresh memory, which Linux clears in pages of 4 kB. Settings that have
 * it keep what is given back, and ask for pages of 2 MB, are read when a process starts and at no other time.
 */

const variable = 'GLIBC_TUNABLES';

const settings = [
  'glibc.malloc.hugetlb=1',
  // Large blocks come from a heap, one for all threads, that never shrinks: a network of the published size takes
  // 1.6 GB of it and gives them back, again and again within a run.
  'glibc.malloc.arena_max=1',
  `glibc.malloc.mmap_threshold=${2 ** 30}`,
  `glibc.malloc.trim_threshold=${2 ** 40}`,
].join(':');

/** The command of `fcntl` on Linux. */
const F_SETFD = 2;

/** Whether what this process gives back is kept for what it takes next. */
export function keepsMemory(): boolean {
  return process.env[variable] === settings;
}

/**
 * Starts the program of this process anew with those settings, in its place: it keeps its number, its files and its
 * place in the terminal. Does nothing where that cannot be done or is not wanted: beside another C library, on another
 * system, where the user has settings of their own (such as an empty GLIBC_TUNABLES), without a way to do it.
 */
export async function restartKeepingMemory(): Promise<void> {
  if (process.platform !== 'linux' || process.env[variable] !== undefined || process.channel) return;
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  try {
    await replaceProcess(args, { ...process.env, [variable]: settings });
  } catch {
    // It goes on as it is.
  }
}

async function replaceProcess(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  // Node 22.15 and later; koffi calls the system where that is missing.
  const { execve } = process as {
    execve?: (file: string, args: readonly string[], env: NodeJS.ProcessEnv) => never;
  };
  if (execve) execve.call(process, process.execPath, args, environment);
  const { default: koffi } = await import('koffi');
  const library = koffi.load('libc.so.6');
  // Node has the system close its files where another program starts: not what whoever started this one listens to.
  const setDescriptorFlags = library.func('int fcntl(int fd, int command, ...)');
  for (const fd of [0, 1, 2]) setDescriptorFlags(fd, F_SETFD, 'int', 0);
  const call = library.func('int execve(const char *file, const char **args, const char **env)');
  const pairs = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  call(process.execPath, [...args, null], [...pairs, null]);
}
