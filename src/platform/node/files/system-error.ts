/** The words for what the operating system refused. */

import { describeIssues, isSchemaError } from '../../../failure/schema-issues.ts';

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

/** What was being done when the system refused, by the name of its call; what is not here is named as it is. */
const actions: Readonly<Record<string, string>> = {
  open: 'open',
  read: 'read',
  scandir: 'list',
  stat: 'read',
  lstat: 'read',
  realpath: 'read',
  mkdir: 'make the folder',
  mkdtemp: 'make a folder in',
  write: 'write',
  rename: 'write',
  unlink: 'remove',
  rm: 'remove',
  rmdir: 'remove',
  symlink: 'link',
  link: 'link',
  copyfile: 'copy',
  access: 'reach',
};

/**
 * A whole message for an error that nobody put into words on its way: of the system, of a schema, of JavaScript itself.
 * @returns undefined for others, which are in words already
 */
export function wordRawError(error: unknown): string | undefined {
  if (isSchemaError(error)) return `A file has another form than it should: ${describeIssues(error)}`;
  if (!(error instanceof Error)) return undefined;
  if (/^Maximum call stack size exceeded/.test(error.message))
    return 'A file nests what it holds too deeply to be read';
  const { code, syscall, path, dest } = error as NodeJS.ErrnoException & { readonly dest?: string };
  if (code === undefined || syscall === undefined || !(code in words)) return undefined;
  return `Cannot ${actions[syscall] ?? syscall} ${dest ?? path ?? 'a file'}: ${words[code]}`;
}

/**
 * The cause of a file-system error, or of one for want of memory, to follow a colon: `permission denied`. Other errors
 * keep their message.
 */
export function explainSystemError(error: unknown): string {
  if (isSchemaError(error)) return describeIssues(error);
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code !== undefined && code in words) return words[code]!;
  const message = error instanceof Error ? error.message : String(error);
  return noMemory.test(message) ? `there is not enough memory (${message})` : message;
}
