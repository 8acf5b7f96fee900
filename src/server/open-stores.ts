import path from 'node:path';
import { openFolderPictureStore } from './job/folder-picture-store.ts';
import { openFolderQueue } from './job/folder-queue.ts';
import type { JobQueue } from './job/job-queue.ts';
import type { PictureStore } from './job/picture-store.ts';
import { openRedisQueue } from './job/redis-queue.ts';
import { openS3PictureStore, parseS3Address } from './job/s3-picture-store.ts';
import type { StoreSettings } from './service-settings.ts';

/**
 * The queue and the pictures that settings name.
 * @throws {Error} if one cannot be reached
 */
export async function openStores({
  dataFolder,
  redis,
  s3,
}: StoreSettings): Promise<{ queue: JobQueue; store: PictureStore }> {
  const store =
    s3 === undefined
      ? await openFolderPictureStore(path.join(dataFolder, 'pictures'))
      : await openS3PictureStore(parseS3Address(s3));
  const queue =
    redis === undefined
      ? await openFolderQueue(path.join(dataFolder, 'jobs'))
      : await openRedisQueue({ url: redis });
  return { queue, store };
}
