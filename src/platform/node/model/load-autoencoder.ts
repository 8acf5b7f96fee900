import { findNetworks, openNetworks } from '../../../restore/checkpoint.ts';
import type { CheckpointStore } from '../../../restore/checkpoint-store.ts';
import { createAutoencoder } from '../../../restore/create-autoencoder.ts';
import { modelImageSize } from '../../../restore/restoration-graphs.ts';
import type { Restorer } from '../../../restore/restorer.ts';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { openCheckpointFolder } from './checkpoint-store.ts';
import type { LoadRestorerOptions } from './load-restorer.ts';

interface LoadAutoencoderOptions extends Pick<LoadRestorerOptions, 'device' | 'threads'> {
  /** Side of the faces in pixels; that which the checkpoint restores unless given. */
  readonly imageSize?: number | undefined;
}

/**
 * Loads a checkpoint's autoencoder alone; only without `imageSize` a UNet need be there.
 * @throws {CheckpointError} if weights or configs are missing or do not fit
 */
export async function loadAutoencoder(
  checkpointFolder: string,
  { device, threads, imageSize }: LoadAutoencoderOptions = {},
): Promise<Restorer> {
  const runtime = await createNodeRuntime({ device, threads });
  const store = await openCheckpointFolder(checkpointFolder);
  try {
    const size = imageSize ?? modelImageSize(await openNetworks(store, await sizingNetworks(store)));
    const autoencoder = await createAutoencoder(await openNetworks(store, ['vae']), runtime, size);
    return {
      ...autoencoder,
      release: async () => {
        await autoencoder.release();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The networks that tell the size of a restoration, as far as they are there. */
async function sizingNetworks(store: CheckpointStore): Promise<('unet' | 'vae' | 'spatialEncoder')[]> {
  const found = await findNetworks(store);
  return ['unet', 'vae', ...(found.includes('spatialEncoder') ? (['spatialEncoder'] as const) : [])];
}
