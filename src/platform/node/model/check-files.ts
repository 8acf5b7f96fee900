/** Whether the files of a checkpoint are as they were published: everything is read once. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { ByteSource } from '../../../checkpoint/byte-source.ts';
import { findDamagedEntries } from '../../../checkpoint/zip-check.ts';
import {
  type CheckpointOverrides,
  networksOfCheckpoint,
  openCheckpoint,
} from '../../../restore/checkpoint.ts';
import { matchesDigest, type ReleasedFile } from '../download/release.ts';
import { releases } from '../download/released-files.ts';
import { openFileSource } from '../files/file-source.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';

/** What a file was compared with, and how that came out. */
export interface FileCheck {
  readonly file: string;
  readonly bytes: number;
  /** 'unproven' where neither the file nor its publisher has anything to compare it with */
  readonly verdict: 'whole' | 'unproven' | 'damaged';
  /** in words */
  readonly found: string;
  /** of files without checksums of their own; lower-case hexadecimal */
  readonly sha256?: string;
}

interface CheckFilesOptions {
  readonly signal?: AbortSignal;
  /** @param doneBytes of `totalBytes` of all files */
  readonly onProgress?: (file: string, doneBytes: number, totalBytes: number) => void;
}

const pieceBytes = 4 * 2 ** 20;

/**
 * Reads the weights of every network once. Archives of PyTorch 1.6 and later hold checksums; of others the SHA-256 is
 * compared with the published one, where that is known.
 * @throws {CheckpointError} if a network's files are missing, or are no weights
 */
export async function checkFiles(
  folder: string,
  overrides: CheckpointOverrides,
  { signal, onProgress }: CheckFilesOptions = {},
): Promise<FileCheck[]> {
  const store = await openCheckpointFolder(folder);
  const opened: { close(): Promise<void> }[] = [store];
  try {
    const checkpoint = await openCheckpoint(store, overrides);
    const sources = new Map<string, ByteSource>();
    for (const [, { tensors }] of networksOfCheckpoint(checkpoint))
      for (const { file } of tensors.values()) sources.set(file.source.name, file.source);
    for (const { path: place } of pinnedFiles) {
      const source = await openFileSource(path.resolve(folder, place)).catch(() => undefined);
      if (source) {
        opened.push(source);
        sources.set(source.name, source);
      }
    }
    const totalBytes = [...sources.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    const checks: FileCheck[] = [];
    let doneBytes = 0;
    for (const [file, source] of sources) {
      const before = doneBytes;
      const onBytes = (bytes: number): void => {
        doneBytes += bytes;
        onProgress?.(file, doneBytes, totalBytes);
      };
      onBytes(0);
      const known = releasedFile(folder, file);
      checks.push(await checkFile(source, known, { onBytes, signal }));
      doneBytes = before + source.byteLength;
    }
    return checks;
  } finally {
    for (const one of opened.reverse()) await one.close();
  }
}

const releasedFiles = new Map(
  releases.flatMap(({ parts }) => parts.flatMap(({ files }) => files)).map((file) => [file.path, file]),
);
const pinnedFiles = [...releasedFiles.values()].filter(({ sha256 }) => sha256 !== undefined);

function releasedFile(folder: string, file: string): ReleasedFile | undefined {
  return releasedFiles.get(path.relative(path.resolve(folder), file).split(path.sep).join('/'));
}

interface ReadOptions {
  readonly onBytes: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

async function checkFile(
  source: ByteSource,
  known: ReleasedFile | undefined,
  options: ReadOptions,
): Promise<FileCheck> {
  const { name: file, byteLength: bytes } = source;
  const isZip = bytes >= 4 && Buffer.from(await source.read(0, 4)).toString('latin1') === 'PK\x03\x04';
  if (isZip && known?.sha256 === undefined) {
    const damaged = await findDamagedEntries(source, options);
    if (damaged.length === 0)
      return { file, bytes, verdict: 'whole', found: 'every checksum in the archive matches' };
    const shown = damaged.slice(0, 3).join(', ') + (damaged.length > 3 ? ', …' : '');
    const found = `${damaged.length} of its entries do not match their checksums (${shown}): fetch it again`;
    return { file, bytes, verdict: 'damaged', found };
  }
  const sha256 = await sha256Of(source, options);
  return { file, bytes, sha256, ...judge(sha256, known) };
}

function judge(sha256: string, known: ReleasedFile | undefined): Pick<FileCheck, 'verdict' | 'found'> {
  if (known?.sha256 !== undefined)
    return known.sha256 === sha256
      ? { verdict: 'whole', found: 'SHA-256 as published' }
      : {
          verdict: 'damaged',
          found: `its SHA-256 is not the published one, ${known.sha256}: fetch it again`,
        };
  if (known?.likelySha256 === undefined)
    return { verdict: 'unproven', found: 'it holds no checksums, and no published SHA-256 is known' };
  return matchesDigest(sha256, known.likelySha256)
    ? { verdict: 'unproven', found: 'SHA-256 as copies of the published file have it' }
    : {
        verdict: 'unproven',
        found: `copies of the published file have another SHA-256, ${known.likelySha256}: damaged, or another version`,
      };
}

async function sha256Of(source: ByteSource, { onBytes, signal }: ReadOptions): Promise<string> {
  const hash = createHash('sha256');
  for (let done = 0; done < source.byteLength; done += pieceBytes) {
    signal?.throwIfAborted();
    const piece = await source.read(done, Math.min(pieceBytes, source.byteLength - done));
    hash.update(piece);
    onBytes(piece.length);
  }
  return hash.digest('hex');
}
