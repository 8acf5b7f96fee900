/** From the flags of `serve` and `work` to what the service is started with. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { explainSystemError } from '../../platform/node/files/system-error.ts';
import { userDataFolder } from '../../platform/node/files/user-data-folder.ts';
import { type ApiKey, parseApiKeys } from '../../server/http/access.ts';
import {
  defaultLimits,
  isLoopback,
  type ServiceSettings,
  type StoreSettings,
  type WorkerSettings,
} from '../../server/service-settings.ts';
import type { GivenFlags } from '../terminal/flag-types.ts';
import { UsageError } from '../terminal/usage-error.ts';
import type { serveFlags, workFlags } from './serve-flags.ts';

type ServeFlags = GivenFlags<typeof serveFlags>;
type WorkFlags = GivenFlags<typeof workFlags>;

const seconds = 1000;
const minutes = 60 * seconds;
const million = 1e6;
const megabyte = 2 ** 20;

/** @throws {UsageError} if the flags do not go together; Error if the file of keys cannot be read */
export async function readServeSettings(flags: ServeFlags, version: string): Promise<ServiceSettings> {
  const { host = '127.0.0.1', port = 8787, acceptOnly = false, requestsPerMinute = 600 } = flags;
  const keys = flags.keys === undefined ? [] : await readKeys(flags.keys);
  if (!isLoopback(host) && keys.length === 0 && !flags.withoutKeys)
    throw new UsageError(
      `--host ${host} lets others in: give them keys (--new-key NAME, then --keys FILE), or say --without-keys`,
    );
  if (acceptOnly && flags.redis === undefined)
    throw new UsageError('--accept-only needs --redis: nobody else sees the jobs of this machine');
  const { maxMegabytes, maxQueued, maxPending, timeToLive } = flags;
  return {
    host,
    port,
    keys,
    requestsPerMinute,
    restores: !acceptOnly,
    version,
    limits: {
      ...defaultLimits,
      ...(maxMegabytes !== undefined && { maxBytes: Math.floor(maxMegabytes * megabyte) }),
      ...(maxQueued !== undefined && { maxQueued }),
      ...(maxPending !== undefined && { maxPending }),
      ...(timeToLive !== undefined && { timeToLiveMs: timeToLive * minutes }),
    },
    ...(await readWorkSettings(flags)),
  };
}

/** @throws {UsageError} if the flags do not go together */
export async function readWorkSettings(flags: WorkFlags): Promise<StoreSettings & WorkerSettings> {
  const { checkpoint, threads, memory, redis, s3, data, processes = 1 } = flags;
  const { maxMegapixels = 100, maxFaces = 100, timeout = 600, grace = 20 } = flags;
  for (const [flag, address, scheme] of [
    ['--redis', redis, /^rediss?:$/],
    ['--s3', s3, /^s3:$/],
  ] as const)
    if (address !== undefined && !(URL.canParse(address) && scheme.test(new URL(address).protocol)))
      throw new UsageError(
        `${flag} takes an address such as ${flag === '--s3' ? 's3://bucket' : 'redis://host:6379'}`,
      );
  return {
    dataFolder: data ?? (await defaultDataFolder()),
    redis,
    s3,
    processes,
    timeoutMs: timeout * seconds,
    graceMs: grace * seconds,
    work: {
      checkpoint: checkpoint && path.resolve(checkpoint),
      threads,
      memory,
      limits: { maxPixels: Math.floor(maxMegapixels * million), maxFaces },
    },
  };
}

async function defaultDataFolder(): Promise<string> {
  const folder = await userDataFolder();
  if (folder === undefined) throw new UsageError('there is no home for jobs and pictures: say --data FOLDER');
  return path.join(folder, 'service');
}

async function readKeys(file: string): Promise<ApiKey[]> {
  try {
    const keys = parseApiKeys(await readFile(file, 'utf8'));
    if (keys.length === 0) throw new SyntaxError('it holds no key');
    return keys;
  } catch (cause) {
    throw new Error(`Cannot read the keys in ${file}: ${explainSystemError(cause)}`, { cause });
  }
}
