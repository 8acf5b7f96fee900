/** The page's worker: holds the model and restores, so that the page stays responsive. */
import { decodeFace, encodePng, loadRestorer, webCheckpointStore } from '../platform/web/index.ts';
import { blobCheckpointStore, type WeightStore } from '../restore/blob-checkpoint-store.ts';
import type { Restorer } from '../restore/restorer.ts';
import { demoWeights } from './demo-weights.ts';
import type { CheckpointChoice, FromWorker, ToWorker } from './messages.ts';

/** The model loaded last, kept while the same checkpoint is asked for. */
let loaded: { readonly key: string; readonly restorer: Restorer } | undefined;
let running = new AbortController();

const send = (message: FromWorker): void => self.postMessage(message);

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'cancel') {
    running.abort();
    return;
  }
  running = new AbortController();
  const { signal } = running;
  restore(data, signal).catch((error: unknown) => {
    if (signal.aborted) send({ kind: 'cancelled' });
    else send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  });
});

/** Loading takes this share of the progress bar. */
const loadShare = 0.2;

async function restore(
  { picture, checkpoint, seed }: Extract<ToWorker, { kind: 'restore' }>,
  signal: AbortSignal,
): Promise<void> {
  send({ kind: 'progress', label: 'loading the model', fraction: 0 });
  const restorer = await restorerOf(checkpoint, signal);
  signal.throwIfAborted();
  const { tensor, window } = await decodeFace(picture, restorer.imageSize);
  const start = performance.now();
  const restored = await restorer.restore(tensor, {
    seed,
    signal,
    onProgress: ({ label, fraction }) =>
      send({ kind: 'progress', label, fraction: loadShare + (1 - loadShare) * fraction }),
  });
  signal.throwIfAborted();
  send({
    kind: 'restored',
    input: await encodePng(tensor, window),
    output: await encodePng(restored, window),
    device: restorer.device,
    seconds: (performance.now() - start) / 1000,
  });
}

async function restorerOf(choice: CheckpointChoice, signal: AbortSignal): Promise<Restorer> {
  const key = keyOf(choice);
  if (loaded?.key === key) return loaded.restorer;
  await loaded?.restorer.release();
  loaded = undefined;
  const restorer = await loadRestorer(await storeOf(choice, signal));
  loaded = { key, restorer };
  return restorer;
}

function keyOf(choice: CheckpointChoice): string {
  if (choice.kind === 'url') return choice.url;
  if (choice.kind === 'demo') return choice.kind;
  return choice.files
    .map((file) => `${file.webkitRelativePath} ${file.size} ${file.lastModified}`)
    .join('\n');
}

async function storeOf(choice: CheckpointChoice, signal: AbortSignal): Promise<WeightStore> {
  if (choice.kind === 'demo') return demoWeights();
  if (choice.kind === 'folder') {
    // A file's path begins with the name of the folder that was chosen.
    const inFolder = (file: File): string =>
      file.webkitRelativePath.slice(file.webkitRelativePath.indexOf('/') + 1);
    const files = new Map(choice.files.map((file) => [inFolder(file), file]));
    return blobCheckpointStore('the chosen folder', async (path) => files.get(path));
  }
  return webCheckpointStore(choice.url, {
    signal,
    onProgress: ({ path, loadedBytes, totalBytes }) => {
      const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
      const total = totalBytes ? ` of ${megabytes(totalBytes)}` : '';
      send({
        kind: 'progress',
        label: `downloading ${path}, ${megabytes(loadedBytes)}${total} MB`,
        fraction: 0,
      });
    },
  });
}
