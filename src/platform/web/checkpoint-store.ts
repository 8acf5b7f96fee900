import { CheckpointError } from '../../checkpoint/checkpoint-error.ts';
import { blobCheckpointStore, type WeightStore } from '../../restore/blob-checkpoint-store.ts';

/** How far the download of one file is. */
export interface DownloadProgress {
  /** relative to the checkpoint */
  readonly path: string;
  readonly loadedBytes: number;
  /** undefined where the server does not tell */
  readonly totalBytes: number | undefined;
}

export interface WebCheckpointOptions {
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Stops downloads; they then reject with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * A checkpoint folder on a web server, in the released layout. Each file is downloaded once, as a whole, and kept as
 * a blob, which the browser may hold on disk.
 * @param baseUrl the folder that holds `lcm/`, `clip/` and `interlcm/`: absolute, or relative to the page (in a
 *   worker: to its script)
 * @throws {TypeError} if it is not a URL
 */
export function webCheckpointStore(baseUrl: string, options: WebCheckpointOptions = {}): WeightStore {
  const base = folderUrl(baseUrl);
  const files = new Map<string, Promise<Blob | undefined>>();
  return blobCheckpointStore(base.href.replace(/\/$/, ''), (path) => {
    const known = files.get(path);
    if (known) return known;
    const file = download(new URL(path, base), path, options);
    files.set(path, file);
    file.catch(() => files.delete(path)); // a failed download may be tried again
    return file;
  });
}

function folderUrl(baseUrl: string): URL {
  try {
    return new URL(baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`, self.location.href);
  } catch (cause) {
    throw new TypeError(`Cannot open a checkpoint at ${JSON.stringify(baseUrl)}: it is not a URL`, { cause });
  }
}

async function download(
  url: URL,
  path: string,
  { onProgress, signal }: WebCheckpointOptions,
): Promise<Blob | undefined> {
  const failed = (problem: string, cause?: unknown): CheckpointError =>
    new CheckpointError(problem, { file: url.href, cause });
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw failed(
      'the server cannot be reached, or does not let this page read it (CORS). Check the address and its settings',
      cause,
    );
  });
  if (response.status === 404 || isFallbackPage(response)) return undefined;
  if (!response.ok || !response.body)
    throw failed(`the server answered ${response.status} ${response.statusText}. Check the address`);

  const encoded = response.headers.has('content-encoding'); // then the length is that of the compressed bytes
  const totalBytes = encoded ? undefined : Number(response.headers.get('content-length')) || undefined;
  let loadedBytes = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        loadedBytes += chunk.length;
        onProgress?.({ path, loadedBytes, totalBytes });
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(counted).blob().catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw failed(`the download broke off after ${loadedBytes} bytes. Try again`, cause);
  });
}

/** Servers of one-page applications answer any unknown path with their page. */
function isFallbackPage(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('text/html') ?? false;
}
