/** From the names of releases to files in a checkpoint folder. */

import path from 'node:path';
import type { Dispatcher } from 'undici';
import { requireDiskSpace } from '../files/disk-space.ts';
import {
  DownloadError,
  type DownloadedFile,
  type DownloadProgress,
  downloadFile,
  makeTargetFolder,
} from './download-file.ts';
import { sizeOf } from './download-part.ts';
import { fileSha256 } from './downloaded-content.ts';
import type { Credentials } from './http-download.ts';
import type { Release, ReleasedFile, ReleasedPart } from './release.ts';

/** A file that is to be fetched. */
interface PlannedFile {
  readonly file: ReleasedFile;
  /** what earlier runs have fetched of it */
  readonly fetchedBytes: number;
  /** still to come, about */
  readonly remainingBytes: number;
}

export interface DownloadPlan {
  readonly folder: string;
  /** what the missing files belong to */
  readonly parts: readonly ReleasedPart[];
  readonly missing: readonly PlannedFile[];
  /** paths of files that are there */
  readonly present: readonly string[];
  readonly remainingBytes: number;
}

interface PlanOptions {
  /** take weights in half precision where they are published */
  readonly half: boolean;
}

/** Looks at what is there and what is not; asks no server. A file of the wrong size, or digest, is fetched again. */
export async function planDownload(
  releases: readonly Release[],
  folder: string,
  { half }: PlanOptions,
): Promise<DownloadPlan> {
  const files = new Map<string, { file: ReleasedFile; part: ReleasedPart }>();
  for (const part of releases.flatMap(({ parts }) => parts))
    for (const file of part.files) files.set(file.path, { file, part });
  const missing: PlannedFile[] = [];
  const present: string[] = [];
  const parts = new Set<ReleasedPart>();
  for (const { file, part } of files.values()) {
    const found = await findPresent(file, folder);
    if (found !== undefined) {
      present.push(found);
      continue;
    }
    const asHalf = half && hasHalf(file) ? file.half : undefined;
    const bytes = asHalf ? file.aboutBytes / 2 : file.aboutBytes;
    const fetchedBytes = await sizeOf(`${placeIn(folder, (asHalf ?? file).path)}.part`);
    missing.push({ file, fetchedBytes, remainingBytes: Math.max(bytes - fetchedBytes, 0) });
    parts.add(part);
  }
  const remainingBytes = missing.reduce((sum, { remainingBytes: bytes }) => sum + bytes, 0);
  return { folder, parts: [...parts], missing, present, remainingBytes };
}

/** Whether a file is published in half precision. */
export function hasHalf({ half }: ReleasedFile): boolean {
  return half !== undefined && half.sources.length > 0;
}

async function findPresent(file: ReleasedFile, folder: string): Promise<string | undefined> {
  const place = placeIn(folder, file.path);
  const size = await sizeOf(place);
  if (size > 0 && size === (file.bytes ?? size)) {
    if (file.sha256 === undefined || (await fileSha256(place)) === file.sha256) return file.path;
  }
  if (file.half && (await sizeOf(placeIn(folder, file.half.path))) > 0) return file.half.path;
  return undefined;
}

/** @throws {RangeError} if `file` would lie outside `folder` */
function placeIn(folder: string, file: string): string {
  const place = path.resolve(folder, file);
  const below = path.relative(path.resolve(folder), place);
  if (below === '' || below.startsWith('..') || path.isAbsolute(below))
    throw new RangeError(`Cannot download ${file}: it would lie outside ${folder}`);
  return place;
}

interface RunDownloadOptions extends PlanOptions {
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
  /** addresses of folders laid out like a checkpoint, tried before the published sources */
  readonly mirrors: readonly string[];
  /** where the Hugging Face hub, or a mirror of it, is */
  readonly hubUrl: string;
  /** of an account on the hub, for gated files */
  readonly hubToken?: string;
  readonly onProgress?: (file: PlannedFile, progress: DownloadProgress) => void;
  readonly onNote?: (note: string) => void;
  readonly onDone?: (path: string, result: DownloadedFile, file: ReleasedFile) => void;
  readonly waitMs?: number;
}

/**
 * Fetches what a plan says is missing, small files first: they tell soonest what does not work.
 * @throws {Error} if the disk is too small for all of it, or a file cannot be had; those before it stay
 */
export async function runDownload(plan: DownloadPlan, options: RunDownloadOptions): Promise<void> {
  await makeTargetFolder(plan.folder);
  await requireDiskSpace(plan.folder, plan.remainingBytes, 'the files to download', 'download');
  const bySize = plan.missing.toSorted((a, b) => a.file.aboutBytes - b.file.aboutBytes);
  for (const planned of bySize) await fetchOne(planned, plan.folder, options);
}

async function fetchOne(planned: PlannedFile, folder: string, options: RunDownloadOptions): Promise<void> {
  const { file } = planned;
  const candidates = [
    ...(options.half && file.half && (hasHalf(file) || options.mirrors.length > 0)
      ? [{ ...file.half, half: true }]
      : []),
    { ...file, half: false },
  ];
  for (const { path: place, sources, half } of candidates)
    try {
      const result = await downloadFile(
        {
          target: placeIn(folder, place),
          urls: [
            ...options.mirrors.map((mirror) => `${mirror.replace(/\/+$/, '')}/${place}`),
            ...sources.map((source) => sourceUrl(source, options.hubUrl)),
          ],
          aboutBytes: file.aboutBytes,
          ...(!half && { bytes: file.bytes, sha256: file.sha256 }),
        },
        {
          ...options,
          credentials: credentialsOf(options),
          onProgress: (progress) => options.onProgress?.(planned, progress),
        },
      );
      options.onDone?.(place, result, file);
      return;
    } catch (error) {
      if (!half || !(error instanceof DownloadError) || !error.missing) throw error;
      options.onNote?.(`${place} is not published; taking ${file.path} in full precision`);
    }
}

function credentialsOf({ hubUrl, hubToken }: RunDownloadOptions): Credentials | undefined {
  return hubToken ? { origin: new URL(hubUrl).origin, token: hubToken } : undefined;
}

/** `hf:OWNER/NAME/PATH` as an address of the hub. */
function sourceUrl(source: string, hubUrl: string): string {
  const [, repository, file] = /^hf:([^/]+\/[^/]+)\/(.+)$/.exec(source) ?? [];
  return repository ? `${hubUrl.replace(/\/+$/, '')}/${repository}/resolve/main/${file}` : source;
}
