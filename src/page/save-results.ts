/** Results as files: one, or all of them in a ZIP. */

import { Zip, ZipPassThrough } from 'fflate';
import type { ModelChoice } from './bridge/messages.ts';
import type { WorkerBridge } from './bridge/worker-bridge.ts';
import type { PhotoItem } from './state/photo-item.ts';

interface ResultSource {
  readonly bridge: WorkerBridge;
  readonly model: ModelChoice;
}

export async function saveResult(photo: PhotoItem, from: ResultSource): Promise<void> {
  const { name, file } = await writeResult(photo, from);
  download(name, file);
}

/** Photos without a result are passed over. */
export async function saveResults(photos: readonly PhotoItem[], from: ResultSource): Promise<void> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const archive = new Zip((error, chunk) => {
    if (error) throw error;
    chunks.push(chunk as Uint8Array<ArrayBuffer>);
  });
  const taken = new Set<string>();
  for (const photo of photos) {
    if (!photo.restored) continue;
    const { name, file } = await writeResult(photo, from);
    const unused = unusedName(name, taken);
    taken.add(unused);
    // Pictures are packed already.
    const entry = new ZipPassThrough(unused);
    entry.mtime = new Date();
    archive.add(entry);
    entry.push(new Uint8Array(await file.arrayBuffer()), true);
  }
  archive.end();
  download('restored.zip', new Blob(chunks, { type: 'application/zip' }));
}

async function writeResult(
  photo: PhotoItem,
  { bridge, model }: ResultSource,
): Promise<{ readonly name: string; readonly file: Blob }> {
  const { restored, strength, source } = photo;
  if (!restored) throw new Error(`${photo.file.name} has no result yet`);
  const { file, extension, notes } = await bridge.call('save', { photo: source, model, restored, strength });
  photo.notes = [...(photo.found?.notes ?? []), ...notes];
  const stem = photo.file.name.replace(/\.[^.]*$/, '');
  return { name: `${stem}-restored.${extension}`, file };
}

function unusedName(name: string, taken: ReadonlySet<string>): string {
  const [, stem, extension] = /^(.*)(\.[^.]+)$/.exec(name)!;
  let unused = name;
  for (let number = 2; taken.has(unused); number++) unused = `${stem}-${number}${extension}`;
  return unused;
}

function download(name: string, file: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
