/** What a service is started with. */

import type { ApiKey } from './http/access.ts';
import type { RestorationLimits } from './http/restorations.ts';
import type { WorkSettings } from './work/messages.ts';

export interface StoreSettings {
  /** of jobs and pictures; a shared one where there are several machines */
  readonly dataFolder: string;
  /** of a queue that several machines share: `redis://…` */
  readonly redis?: string | undefined;
  /** of pictures, in place of the folder: `s3://bucket/prefix?endpoint=…` */
  readonly s3?: string | undefined;
}

export interface WorkerSettings {
  readonly work: WorkSettings;
  /** photos at a time, each in a process of its own */
  readonly processes: number;
  /** that one job may take */
  readonly timeoutMs: number;
  /** that jobs under way are waited for when the service stops */
  readonly graceMs: number;
}

export interface ServiceSettings extends StoreSettings, WorkerSettings {
  readonly host: string;
  /** 0: any that is free */
  readonly port: number;
  readonly keys: readonly ApiKey[];
  readonly requestsPerMinute: number;
  readonly limits: RestorationLimits;
  /** Whether this process restores too, or leaves that to others that share its queue. */
  readonly restores: boolean;
  readonly version: string;
}

export const defaultLimits: RestorationLimits = {
  maxBytes: 50 * 2 ** 20,
  maxBatch: 20,
  maxQueued: 500,
  maxPending: 200,
  maxUploads: 8,
  timeToLiveMs: 3_600_000,
};

/** Addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
