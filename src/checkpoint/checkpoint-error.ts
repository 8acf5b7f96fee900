/** The one error for checkpoint files that cannot be used, whatever is wrong with them. */

const longestQuotedName = 100;

/** A name from an untrusted file, escaped and cut to a length that suits an error message. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > longestQuotedName ? `${name.slice(0, longestQuotedName)}…` : name);
}

/** Where in a checkpoint the problem lies. */
export interface CheckpointErrorPlace {
  /** Path or URL of the file. */
  readonly file: string;
  /** Name of the tensor. */
  readonly key?: string;
  /** Byte in the file. */
  readonly offset?: number;
  readonly cause?: unknown;
}

/** `Cannot read <file>, tensor "<key>", at byte <offset>: <problem>` */
export class CheckpointError extends Error {
  readonly file: string;
  readonly key: string | undefined;
  readonly offset: number | undefined;

  constructor(problem: string, { file, key, offset, cause }: CheckpointErrorPlace) {
    let place = file;
    if (key !== undefined) place += `, tensor ${quoteName(key)}`;
    if (offset !== undefined) place += `, at byte ${offset}`;
    super(`Cannot read ${place}: ${problem}`, { cause });
    this.name = 'CheckpointError';
    this.file = file;
    this.key = key;
    this.offset = offset;
  }
}
