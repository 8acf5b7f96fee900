/** Results as files: one, or all of them in a ZIP. */

import { type Zippable, zip } from 'fflate';
import type { WorkerBridge } from './bridge/worker-bridge.ts';
import type { PhotoItem } from './state/photo-item.ts';

export async function saveResult(photo: PhotoItem, bridge: WorkerBridge): Promise<void> {
  const { name, file } = await writeResult(photo, bridge);
  download(name, file);
}

/** Photos without a result are passed over. */
export async function saveResults(photos: readonly PhotoItem[], bridge: WorkerBridge): Promise<void> {
  const entries: Zippable = {};
  for (const photo of photos) {
    if (!photo.restored) continue;
    const { name, file } = await writeResult(photo, bridge);
    const unused = unusedName(name, entries);
    // Pictures are packed already.
    entries[unused] = [new Uint8Array(await file.arrayBuffer()), { level: 0, mtime: new Date() }];
  }
  const packed = await new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
    zip(entries, { level: 0 }, (error, data) =>
      error ? reject(error) : resolve(data as Uint8Array<ArrayBuffer>),
    );
  });
  download('restored.zip', new Blob([packed], { type: 'application/zip' }));
}

async function writeResult(
  photo: PhotoItem,
  bridge: WorkerBridge,
): Promise<{ readonly name: string; readonly file: Blob }> {
  const { restored, strength, source } = photo;
  if (!restored) throw new Error(`${photo.file.name} has no result yet`);
  const { file, extension, notes } = await bridge.call('save', { photo: source, restored, strength });
  photo.notes = [...(photo.found?.notes ?? []), ...notes];
  const stem = photo.file.name.replace(/\.[^.]*$/, '');
  return { name: `${stem}-restored.${extension}`, file };
}

function unusedName(name: string, taken: Zippable): string {
  const [, stem, extension] = /^(.*)(\.[^.]+)$/.exec(name)!;
  let unused = name;
  for (let number = 2; unused in taken; number++) unused = `${stem}-${number}${extension}`;
  return unused;
}

function download(name: string, file: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
