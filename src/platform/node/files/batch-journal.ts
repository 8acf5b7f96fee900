/** What a batch has done already, so that an interrupted one goes on where it stopped and does nothing twice. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { makeFolder } from './make-folder.ts';
import { explainSystemError } from './system-error.ts';

const entrySchema = z.object({
  key: z.string(),
  files: z.array(z.object({ path: z.string(), sha256: z.string() })),
  report: z.unknown(),
});
type JournalEntry = z.infer<typeof entrySchema>;

/**
 * A file of one line a result. A line is written before the files that it names, so that whatever the process is
 * killed at, either they are there as the line says, or they are to be made.
 */
export class BatchJournal {
  readonly #file: string;
  readonly #entries: Map<string, JournalEntry>;
  /** Digests of everything that was ever written under a path, those of lines that later ones replace included. */
  readonly #written = new Map<string, Set<string>>();
  #needsLineEnd: boolean;

  private constructor(file: string, entries: Map<string, JournalEntry>, needsLineEnd: boolean) {
    this.#file = file;
    this.#entries = entries;
    this.#needsLineEnd = needsLineEnd;
  }

  /** Reads the journal of a folder; none, or a damaged one, is empty. */
  static async open(folder: string): Promise<BatchJournal> {
    const file = path.join(folder, '.interlcm.jsonl');
    const text = await readFile(file, 'utf8').catch(() => '');
    const journal = new BatchJournal(file, new Map(), text !== '' && !text.endsWith('\n'));
    for (const line of text.split('\n')) {
      const entry = parseEntry(line);
      if (entry) journal.#keep(entry);
    }
    return journal;
  }

  /** Whether there is a file that no run has written, or that was changed since: not to be replaced. */
  async isForeign(file: string): Promise<boolean> {
    const status = await stat(file).catch(() => undefined);
    if (!status) return false;
    if (!status.isFile()) return true;
    const written = this.#written.get(path.relative(path.dirname(this.#file), file));
    return !written?.has(await hashFile(file).catch(() => 'unreadable'));
  }

  #keep(entry: JournalEntry): void {
    this.#entries.set(entry.key, entry);
    for (const { path: file, sha256 } of entry.files)
      this.#written.set(file, (this.#written.get(file) ?? new Set()).add(sha256));
  }

  /** The report of a result whose files are all there, as they were written. */
  async find(key: string): Promise<unknown> {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    for (const { path: file, sha256 } of entry.files) {
      const found = await hashFile(path.resolve(path.dirname(this.#file), file)).catch(() => undefined);
      if (found !== sha256) return undefined;
    }
    return entry.report;
  }

  /** To be called before the files are written; their paths are relative to the journal's folder. */
  async record(entry: JournalEntry): Promise<void> {
    try {
      await makeFolder(path.dirname(this.#file));
      const file = await open(this.#file, 'a');
      try {
        // A line that a killed process left unfinished must not swallow this one.
        await file.appendFile(`${this.#needsLineEnd ? '\n' : ''}${JSON.stringify(entry)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      throw new Error(`Cannot write ${this.#file}: ${explainSystemError(error)}`, { cause: error });
    }
    this.#needsLineEnd = false;
    this.#keep(entry);
  }
}

function parseEntry(line: string): JournalEntry | undefined {
  if (line === '') return undefined;
  try {
    return entrySchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** SHA-256 as 64 hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** SHA-256 of a file's bytes. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(file)) hash.update(bytes as Uint8Array);
  return hash.digest('hex');
}

/** Names, sizes and times of change of a file, or of all files in a folder: another text when one was replaced. */
export async function describeFiles(target: string): Promise<string> {
  const status = await stat(target).catch(() => undefined);
  if (!status) return `${target}: missing`;
  if (!status.isDirectory()) return `${target}: ${status.size} ${status.mtimeMs}`;
  const names = (await readdir(target, { recursive: true })).sort();
  const lines: string[] = [];
  for (const name of names) {
    // Transformed weights, kept in a hidden folder, follow from the others.
    if (name.split(path.sep).some((segment) => segment.startsWith('.'))) continue;
    const inner = await stat(path.join(target, name)).catch(() => undefined);
    if (inner?.isFile()) lines.push(`${name}: ${inner.size} ${inner.mtimeMs}`);
  }
  return lines.join('\n');
}
