/** Where the weights of metrics lie, and which of them a result was taken with. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { MetricWeight } from '../../../metrics/metric-table.ts';
import { exists } from '../files/file-kind.ts';

/** Where `download` puts each, and how to get it. */
const places: Readonly<Record<MetricWeight, { readonly path: string; readonly advice: string }>> = {
  inception: { path: 'metrics/pt_inception-2015-12-05-6726825d.pth', advice: 'to be downloaded as fid' },
  ffhq: {
    path: 'metrics/inception_FFHQ_512.pth',
    advice: "VQFR's or BasicSR's folder on Google Drive has it; or give other statistics or pictures",
  },
  'lpips-alex': { path: 'metrics/lpips-alex.pth', advice: 'to be downloaded as lpips' },
  alexnet: { path: 'metrics/alexnet-owt-7be5be79.pth', advice: 'to be downloaded as lpips' },
  'lpips-vgg': { path: 'metrics/lpips-vgg.pth', advice: 'to be downloaded as lpips-vgg' },
  vgg16: { path: 'metrics/vgg16-397923af.pth', advice: 'to be downloaded as lpips-vgg' },
  musiq: { path: 'metrics/musiq_koniq_ckpt-e95806b9.pth', advice: 'to be downloaded as musiq' },
  arcface: { path: 'metrics/arcface_resnet18.pth', advice: 'to be downloaded as ids' },
  dreamsim: { path: 'metrics/dreamsim', advice: 'to be downloaded as dreamsim' },
  'dreamsim-dino': {
    path: 'metrics/dreamsim',
    advice: 'to be downloaded as dreamsim-dino',
  },
};

/** Its place in a folder of weights. */
export function metricWeightPath(name: MetricWeight): string {
  return places[name].path;
}

export type WeightFiles = ReadonlyMap<MetricWeight, string>;

/**
 * The files that are there, by name.
 * @param given files that were named, which come first
 * @throws {Error} if one of those is not there
 */
export async function findMetricWeights(
  names: Iterable<MetricWeight>,
  folders: readonly string[],
  given: WeightFiles,
): Promise<Map<MetricWeight, string>> {
  for (const file of given.values())
    if (!(await exists(file))) throw new Error(`Cannot read ${file}: there is no such file or folder`);
  const found = new Map<MetricWeight, string>();
  for (const name of names) {
    const candidates = [given.get(name), ...folders.map((folder) => path.join(folder, places[name].path))];
    for (const file of candidates)
      if (file !== undefined && (await stat(file).catch(() => undefined))) {
        found.set(name, file);
        break;
      }
  }
  return found;
}

/** `metrics/alexnet.pth (to be downloaded as lpips)` */
export function describeMissing(name: MetricWeight): string {
  return `${places[name].path} (${places[name].advice})`;
}

/** A file that a result was taken with. */
export interface UsedWeights {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Name, size and SHA-256 of a file, which is read whole. */
export async function fingerprint(file: string): Promise<UsedWeights> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return { file: path.basename(file), bytes: (await stat(file)).size, sha256: hash.digest('hex') };
}
