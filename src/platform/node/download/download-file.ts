/** Fetches one large file so that whatever goes wrong costs little: resumed, checked, and there in full or not at all. */

import { constants } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { fileLimits } from '../../../tensor/file-limits.ts';
import { requireDiskSpace } from '../files/disk-space.ts';
import { makeFolder } from '../files/make-folder.ts';
import { explainSystemError } from '../files/system-error.ts';
import { writeFully } from '../files/write-fully.ts';
import {
  dropLink,
  dropPart,
  openPart,
  type PartState,
  partPath,
  readState,
  sizeOf,
  statePath,
} from './download-part.ts';
import { ContentError, fileSha256, requireKind, requireWhole } from './downloaded-content.ts';
import { askForFile, type Credentials, HttpError } from './http-download.ts';
import { explainNetworkError, isOffline } from './network-error.ts';

export interface FileDownload {
  /** where it goes; until then it is `target.part`, with `target.part.json` about its source */
  readonly target: string;
  /** tried in turn */
  readonly urls: readonly string[];
  /** about how large: one that is several times larger is refused */
  readonly aboutBytes?: number;
  /** exact size, where known */
  readonly bytes?: number;
  /** lower-case hexadecimal, where known */
  readonly sha256?: string;
}

export interface DownloadProgress {
  readonly phase: 'fetch' | 'check';
  /** of the file, those of earlier runs included */
  readonly doneBytes: number;
  readonly totalBytes: number | undefined;
}

export interface DownloadOptions {
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** told of what was tried again or given up */
  readonly onNote?: (note: string) => void;
  /** a token for gated files, sent to this origin and to no other */
  readonly credentials?: Credentials;
  /** before the first retry; doubles with each. Default 1000 */
  readonly waitMs?: number;
  /** of a source that makes no headway; default 5 */
  readonly retries?: number;
}

export interface DownloadedFile {
  readonly url: string;
  readonly bytes: number;
  readonly sha256: string;
  /**
   * how the contents were checked: 'sha256' if a digest was known beforehand; 'told' if it is the answering server's own
   * word, which is no proof; 'whole' if neither size nor digest is known, but everything its headers name is there
   */
  readonly checked: 'sha256' | 'told' | 'size' | 'whole';
}

/** No source had the file. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
  /** whether every source said that there is no such file */
  readonly missing: boolean;

  constructor(message: string, missing: boolean, cause: unknown) {
    super(message, { cause });
    this.missing = missing;
  }
}

/** This machine cannot keep the file: no other source helps. */
class LocalError extends Error {}

/** A file of which nothing is known may have at most this many. */
const maxUnknownBytes = 64 * 2 ** 30;
/** So many times larger than expected is another file: weights may be there twice, in twice the precision. */
const mostTimesLarger = 4;

function mostBytes({ target, aboutBytes }: FileDownload): number {
  if (target.endsWith('.json')) return fileLimits.jsonBytes;
  return aboutBytes === undefined ? maxUnknownBytes : mostTimesLarger * aboutBytes;
}
const longestWaitMs = 30_000;

/**
 * Fetches a file. What an earlier run fetched is continued where the server still has the same version, or where
 * `sha256` will tell in the end.
 * @throws {DownloadError} naming every source and what is wrong with it; the signal's reason
 */
export async function downloadFile(file: FileDownload, options: DownloadOptions): Promise<DownloadedFile> {
  const failures: { url: string; error: unknown }[] = [];
  await makeTargetFolder(dirname(file.target));
  for (const url of file.urls)
    try {
      return await downloadFrom(url, file, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof LocalError) throw error;
      failures.push({ url, error });
      if (failures.length < file.urls.length)
        options.onNote?.(`${url}: ${explainNetworkError(error)}; trying another source`);
    }
  const lines = failures.map(({ url, error }) => `\n  ${url}: ${explainNetworkError(error)}`);
  throw new DownloadError(
    `Cannot download ${file.target}:${lines.join('')}\n  What was fetched is kept: run the command again later, or put the file there by hand`,
    failures.every(
      ({ error }) => error instanceof HttpError && (error.status === 404 || error.status === 410),
    ),
    failures[0]?.error,
  );
}

/** @throws {Error} naming `folder`, if it cannot be made */
export async function makeTargetFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (error) {
    throw new Error(`Cannot make the folder ${folder}: ${explainSystemError(error)}`, { cause: error });
  }
}

async function downloadFrom(
  url: string,
  file: FileDownload,
  options: DownloadOptions,
): Promise<DownloadedFile> {
  const { signal, onNote, waitMs = 1000, retries = 5 } = options;
  let furthest = await sizeOf(partPath(file));
  let gotOn = false;
  let askedAgain = false;
  for (let failed = 0; ; ) {
    let error: unknown;
    try {
      const sha256 = await fetchPart(url, file, options);
      return await finish(url, file, sha256, options);
    } catch (caught) {
      error = caught;
    }
    signal.throwIfAborted();
    if (error instanceof ContentError) await dropPart(file);
    const http = error instanceof HttpError ? error : undefined;
    const start = await sizeOf(partPath(file));
    if (http?.status === 416 && start > 0) {
      await dropPart(file);
      continue;
    }
    // Addresses that a hub redirects to expire; asked again, it gives a new one.
    if (http?.status === 403 && http.redirected && !askedAgain) {
      askedAgain = true;
      continue;
    }
    if (error instanceof ContentError || error instanceof LocalError || (http && !http.passes)) throw error;
    // A source that gets on is worth any number of retries.
    gotOn ||= start > furthest;
    failed = start > furthest ? 1 : failed + 1;
    furthest = Math.max(furthest, start);
    if (failed > retries || (!gotOn && isOffline(error))) throw error;
    const pauseMs = Math.max(Math.min(waitMs * 2 ** (failed - 1), longestWaitMs), http?.retryAfterMs ?? 0);
    onNote?.(`${url}: ${explainNetworkError(error)}; going on in ${Math.ceil(pauseMs / 1000)} s`);
    await delay(pauseMs, undefined, { signal });
  }
}

/** @returns the digest that the hub told, if it did */
async function fetchPart(
  url: string,
  file: FileDownload,
  { dispatcher, signal, onProgress, credentials }: DownloadOptions,
): Promise<string | undefined> {
  const part = partPath(file);
  // Whoever put a link there would have another file written over.
  await keep(() => Promise.all([part, statePath(file)].map(dropLink)));
  const state = await readState(file);
  const there = await sizeOf(part);
  const validator = state?.url === url ? state.validator : undefined;
  // Bytes of an unknown version must not be mixed with others, unless a digest will tell.
  const start = file.sha256 !== undefined || validator !== undefined ? there : 0;
  const whole = file.bytes ?? (validator === undefined ? undefined : state?.totalBytes);
  if (start > 0 && start === whole) return state?.sha256;

  const answer = await askForFile(url, { start, validator, dispatcher, signal, credentials });
  const { body, sha256 } = answer;
  // What breaks off after reading has ended is of no interest.
  body.on('error', () => {});
  try {
    const totalBytes = answer.totalBytes ?? file.bytes;
    const most = totalBytes ?? mostBytes(file);
    if (file.bytes === undefined && most > mostBytes(file))
      throw new ContentError(`the server's file has ${most} bytes, at most ${mostBytes(file)} are expected`);
    if (file.bytes !== undefined && totalBytes !== file.bytes)
      throw new ContentError(`the server's file has ${totalBytes} bytes, the published one ${file.bytes}`);
    const other = (before: unknown, now: unknown): boolean =>
      before !== undefined && now !== undefined && before !== now;
    // Without a version in the answer, only a digest could tell whether the parts belong together.
    const unknown = file.sha256 === undefined && answer.validator === undefined;
    if (
      answer.start > 0 &&
      (unknown || other(validator, answer.validator) || other(state?.totalBytes, totalBytes))
    ) {
      await dropPart(file);
      throw new Error('the file may have changed on the server');
    }
    await keep(async () => {
      const room = (totalBytes ?? answer.start) - answer.start;
      await requireDiskSpace(dirname(part), room, file.target, 'download');
      await writeFile(
        statePath(file),
        JSON.stringify({ url, validator: answer.validator, totalBytes, sha256 } satisfies PartState),
      );
    });
    const handle = await keep(() => open(part, answer.start > 0 ? openPart : openPart | constants.O_TRUNC));
    try {
      let position = answer.start;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        if (position + chunk.length > most)
          throw new ContentError(`the server sends more than the ${most} bytes of the file`);
        await keep(() => writeFully(handle, chunk, position));
        position += chunk.length;
        onProgress?.({ phase: 'fetch', doneBytes: position, totalBytes });
      }
      if (totalBytes !== undefined && position < totalBytes)
        throw new Error(`the connection ended after ${position} of ${totalBytes} bytes`);
      await keep(() => handle.sync());
    } finally {
      await handle.close();
    }
    return sha256;
  } finally {
    body.destroy();
  }
}

/** Work on this machine's disk; its failure is no source's fault. */
async function keep<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new LocalError(explainSystemError(error), { cause: error });
  }
}

/** Checks what was fetched, and gives it its name. */
async function finish(
  url: string,
  file: FileDownload,
  hubSha256: string | undefined,
  { signal, onProgress }: DownloadOptions,
): Promise<DownloadedFile> {
  const part = partPath(file);
  const bytes = await sizeOf(part);
  await requireKind(part, file.target);
  const known = file.sha256 ?? hubSha256;
  const sha256 = await fileSha256(part, signal, (doneBytes) =>
    onProgress?.({ phase: 'check', doneBytes, totalBytes: bytes }),
  );
  if (known !== undefined && sha256 !== known)
    throw new ContentError(`what came has the SHA-256 ${sha256}, the published file ${known}`);
  const totalBytes = file.bytes ?? (await readState(file))?.totalBytes;
  if (known === undefined && totalBytes === undefined) await requireWhole(part, file.target);
  await keep(() => rename(part, file.target));
  await rm(statePath(file), { force: true });
  const checked = file.sha256 ? 'sha256' : hubSha256 ? 'told' : totalBytes === undefined ? 'whole' : 'size';
  return { url, bytes, sha256, checked };
}
