/** What a restoration needs of this machine, looked at one thing after another. Nothing is downloaded. */

import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readdir, statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CheckpointOverrides } from '../../../restore/checkpoint.ts';
import { checkpointFolders, networks } from '../../../restore/networks.ts';
import { planDownload } from '../download/download-releases.ts';
import { availableMemory } from '../engine/memory-mode.ts';
import { exists, isFolder } from '../files/file-kind.ts';
import { makeFolder } from '../files/make-folder.ts';
import { explainSystemError } from '../files/system-error.ts';
import { userCacheFolder } from '../files/user-cache-folder.ts';
import { embeddedModel } from '../model/packaged-models.ts';
import { type FfmpegProgram, ffmpegCommand } from '../video/ffmpeg.ts';
import '../engine/without-telemetry.ts';

/** One thing that was looked at. */
export interface DoctorRow {
  /** e.g. 'node', 'webgpu' */
  readonly name: string;
  /** 'note': missing or weak, but not needed for everything */
  readonly status: 'ok' | 'note' | 'failed';
  readonly found: string;
  /** what helps; there whenever the status is 'failed' */
  readonly remedy?: Remedy;
}

/** What can be done about what was found, for whoever shows it to say. */
export type Remedy =
  | { readonly code: 'install-again' }
  /** the same; other weights do until then */
  | { readonly code: 'install-model-again' }
  | { readonly code: 'install-node'; readonly version: string }
  | { readonly code: 'install-ffmpeg' }
  /** the CPU is used where no device is asked for */
  | { readonly code: 'use-cpu' }
  /** the CPU computes what is wrong */
  | { readonly code: 'report-fault' }
  /** @param bytes that the published sizes need in the mode that takes least */
  | { readonly code: 'free-memory'; readonly bytes: number }
  | { readonly code: 'free-disk' }
  | { readonly code: 'choose-cache-folder' }
  | { readonly code: 'download'; readonly release: string; readonly folder: string; readonly rest?: boolean }
  /** a listing of the checkpoint names the tensors that do not fit */
  | { readonly code: 'list-checkpoint'; readonly folder: string };

/** The outcome of verifying a small model on a device, in a process of its own: a driver may end it. */
export interface DeviceTrial {
  /** rows within tolerance, and all of them */
  readonly passed: number;
  readonly total: number;
  /** why there are none */
  readonly error?: string;
}

export interface DoctorOptions {
  /** of this program */
  readonly version: string;
  /** of Node, e.g. '>=20.19' */
  readonly nodeRange: string;
  /** checkpoint folders to look at */
  readonly folders: readonly string[];
  /** the folder of the model that comes along, where it is not the package's */
  readonly model?: string;
  /** whether the user named them: then they have to be there */
  readonly foldersNamed: boolean;
  readonly tryDevice: (device: string, model: string) => Promise<DeviceTrial>;
}

/** The formula model and its reference values, in the package. */
const microReference = fileURLToPath(new URL('../../../../reference/micro.json', import.meta.url));

const reinstall: Remedy = { code: 'install-again' };
const run = promisify(execFile);
const load = createRequire(import.meta.url);

/** Looks at everything, in the order in which it matters. */
export async function* examine(options: DoctorOptions): AsyncGenerator<DoctorRow> {
  yield { name: 'interlcm', status: 'ok', found: options.version };
  yield nodeRow(options.nodeRange);
  yield* libraryRows();
  yield memoryRow();
  const cache = await cacheRow();
  yield cache;
  if (cache.status === 'failed') yield { ...cache, name: 'cpu', found: 'not tried, for want of a cache' };
  else yield* deviceRows(options.tryDevice);
  yield await modelRow(options.model ?? embeddedModel);
  for (const folder of options.folders) yield* weightRows(folder, options.foldersNamed);
  yield await toolRow('ffmpeg');
  yield await toolRow('ffprobe');
}

function nodeRow(range: string): DoctorRow {
  const needed = range.replace(/^\D*/, '');
  const found = `${process.versions.node} on ${platform()} ${arch()} (${release()})`;
  if (compareVersions(process.versions.node, needed) >= 0) return { name: 'node', status: 'ok', found };
  return {
    name: 'node',
    status: 'failed',
    found,
    remedy: { code: 'install-node', version: needed },
  };
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left![i] ?? 0) - (right![i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Libraries with native parts, which an installation may lack for this platform. */
function* libraryRows(): Generator<DoctorRow> {
  const versions = {
    'onnxruntime-node': () => onnxRuntime().env.versions.node,
    sharp: () => (load('sharp') as typeof import('sharp').default).versions.sharp,
  };
  for (const [name, version] of Object.entries(versions))
    try {
      yield { name, status: 'ok', found: version() ?? 'of an unknown version' };
    } catch (error) {
      const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      yield { name, status: 'failed', found: `cannot be loaded: ${line}`, remedy: reinstall };
    }
}

function onnxRuntime(): typeof import('onnxruntime-node') {
  return load('onnxruntime-node');
}

async function* deviceRows(tryDevice: DoctorOptions['tryDevice']): AsyncGenerator<DoctorRow> {
  if (!(await exists(microReference))) {
    const found = `${microReference} is missing, so nothing can be verified`;
    yield { name: 'cpu', status: 'failed', found, remedy: reinstall };
    return;
  }
  for (const device of listDevices()) {
    const { passed, total, error } = await tryDevice(device, microReference);
    const right = error === undefined && total > 0 && passed === total;
    const found =
      error === undefined
        ? `${passed} of ${total} tensors of a small restoration within tolerance`
        : `cannot be used: ${error}`;
    if (right) yield { name: device, status: 'ok', found };
    else if (device === 'cpu')
      yield {
        name: device,
        status: 'failed',
        found,
        remedy: error === undefined ? { code: 'report-fault' } : reinstall,
      };
    else yield { name: device, status: 'note', found, remedy: { code: 'use-cpu' } };
  }
}

/** What this build of ONNX Runtime knows, the CPU first. */
function listDevices(): string[] {
  try {
    const names = onnxRuntime()
      .listSupportedBackends()
      .map(({ name }) => name);
    return ['cpu', ...names.filter((name) => name === 'webgpu' || name === 'cuda')];
  } catch {
    // libraryRows has said so.
    return [];
  }
}

/** Peak memory of the published sizes in the mode that takes least. */
const lowModeBytes = 3.9e9;

function memoryRow(): DoctorRow {
  const free = availableMemory();
  const found = `${gigabytes(free)} of ${gigabytes(totalmem())} free; ${availableParallelism()} cores of ${cpus()[0]?.model.trim() || 'an unknown kind'}`;
  if (free >= lowModeBytes) return { name: 'memory', status: 'ok', found };
  return { name: 'memory', status: 'note', found, remedy: { code: 'free-memory', bytes: lowModeBytes } };
}

/** Less than this and the first restoration may find the disk full. */
const comfortableCacheBytes = 3e9;

async function cacheRow(): Promise<DoctorRow> {
  const folder = await userCacheFolder();
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const found = `${folder}, ${gigabytes(free)} free`;
    if (free >= comfortableCacheBytes) return { name: 'cache', status: 'ok', found };
    return { name: 'cache', status: 'note', found, remedy: { code: 'free-disk' } };
  } catch (error) {
    const found = `${folder} cannot be written: ${explainSystemError(error)}`;
    return { name: 'cache', status: 'failed', found, remedy: { code: 'choose-cache-folder' } };
  }
}

/** The model that is used where no other is named. */
async function modelRow(folder: string): Promise<DoctorRow> {
  if (await exists(folder)) return checkpointRow(folder, { name: 'model', remedy: reinstall });
  const found = `there is none in ${folder}`;
  return { name: 'model', status: 'note', found, remedy: { code: 'install-model-again' } };
}

async function* weightRows(folder: string, named: boolean): AsyncGenerator<DoctorRow> {
  if (!(await isFolder(folder))) {
    const found = `there is no folder ${path.resolve(folder)}`;
    const remedy: Remedy = { code: 'download', release: 'interlcm-3step', folder };
    yield { name: 'weights', status: named ? 'failed' : 'note', found, remedy };
    return;
  }
  const { releases } = await import('../download/released-files.ts');
  let overrides: CheckpointOverrides = {};
  const incomplete: DoctorRow[] = [];
  for (const release of releases) {
    const { missing, present } = await planDownload([release], folder, { half: false });
    if (present.length === 0) continue;
    const own = release.parts[0]!.files.some(({ path: file }) => present.includes(file));
    if (missing.length > 0 && own) {
      const found = `${folder} lacks ${missing.map(({ file }) => file.path).join(', ')}`;
      const remedy: Remedy = { code: 'download', release: release.name, folder };
      incomplete.push({ name: release.name, status: 'failed', found, remedy });
    } else if (missing.length === 0) {
      yield { name: release.name, status: 'ok', found: `whole in ${folder}` };
      const [visualEncoder, spatialEncoder] = present
        .filter((file) => /^interlcm\/(visual|spatial)_encoder/.test(file))
        .sort()
        .reverse()
        .map((file) => path.resolve(folder, file));
      if (visualEncoder && spatialEncoder) overrides = { visualEncoder, spatialEncoder };
    }
  }
  // A folder may hold nothing but a detector, or encoders for one task, which are used by name.
  const holds = await Promise.all(checkpointFolders.map((part) => namesIn(path.join(folder, part))));
  if (!named && holds.every((names) => names.length === 0)) {
    yield* incomplete;
    return;
  }
  const { weights } = networks.visualEncoder.files;
  const plain = holds.flat().some((file) => weights.includes(`interlcm/${file}`));
  const remedy: Remedy = { code: 'download', release: 'interlcm-3step', folder, rest: true };
  const checkpoint = await checkpointRow(folder, {
    name: 'checkpoint',
    remedy,
    overrides: plain ? {} : overrides,
  });
  // What can be restored with is not broken, whatever its files are called and whichever others there are.
  for (const row of incomplete) yield checkpoint.status === 'ok' ? { ...row, status: 'note' } : row;
  yield checkpoint;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/**
 * Whether `restore` could use the folder, tensor by tensor.
 * @param remedy where it lacks something
 */
async function checkpointRow(
  folder: string,
  { name, remedy, overrides }: { name: string; remedy: Remedy; overrides?: CheckpointOverrides },
): Promise<DoctorRow> {
  try {
    const { checkpointInfo } = await import('../model/checkpoint-info.ts');
    const { imageSize, networks } = await checkpointInfo(folder, overrides);
    const wrong = networks.filter(
      ({ missing, unexpected, misshapen }) => missing.length + unexpected.length + misshapen.length > 0,
    );
    if (wrong.length === 0)
      return { name, status: 'ok', found: `${folder}: every tensor is there, faces of ${imageSize} pixels` };
    const found = `${folder}: tensors of ${wrong.map(({ network }) => network).join(', ')} do not fit`;
    return { name, status: 'failed', found, remedy: { code: 'list-checkpoint', folder } };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    return { name, status: 'failed', found, remedy };
  }
}

async function toolRow(name: FfmpegProgram): Promise<DoctorRow> {
  try {
    const { stdout } = await run(ffmpegCommand(name), ['-version'], { timeout: 10_000 });
    const version = /version (\S+)/.exec(stdout)?.[1] ?? 'of an unknown version';
    return { name, status: 'ok', found: version };
  } catch {
    return { name, status: 'note', found: 'not found', remedy: { code: 'install-ffmpeg' } };
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
