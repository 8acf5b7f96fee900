/** The words for what the operating system refused. */

const words: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'it is in use',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'a file is in the way',
  EFBIG: 'the file would be larger than this disk, or a limit, allows',
  EIO: 'the disk cannot be read or written; it may be failing, or unplugged',
  EISDIR: 'it is a folder',
  ELOOP: 'symbolic links form a loop',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'part of its path is a file, not a folder',
  EPERM: 'the operation is not permitted',
  EROFS: 'the disk is read-only',
};

/** How JavaScript, ONNX Runtime and libvips say that there is no more memory. */
const noMemory = /bad_alloc|bad allocation|allocation failed|failed to allocate|out of memory/i;

/** Whether an error, or one that caused it, is for want of memory. */
export function isOutOfMemory(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (noMemory.test(at.message)) return true;
  return false;
}

/**
 * The cause of a file-system error, or of one for want of memory, to follow a colon: `permission denied`. Other errors
 * keep their message.
 */
export function explainSystemError(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code !== undefined && code in words) return words[code]!;
  const message = error instanceof Error ? error.message : String(error);
  return noMemory.test(message) ? `there is not enough memory (${message})` : message;
}
