/** DreamSim from its release, a zip archive or its files: base networks, and low-rank additions in folders beside them. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { CheckpointError } from '../../../checkpoint/checkpoint-error.ts';
import { dreamsimMeasure } from '../../../measure/network-measures.ts';
import type { PictureMeasure } from '../../../measure/picture-measure.ts';
import { dreamsimBranches } from '../../../models/dreamsim/dreamsim.ts';
import type { StoredNetwork } from '../../../models/match-stored.ts';
import type { StoredTensor } from '../../../models/network-weights.ts';
import { parameterScope } from '../../../nn/parameter-scope.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { exists } from '../files/file-kind.ts';
import { explainSystemError } from '../files/system-error.ts';
import { unpackZip } from '../files/unpack-zip.ts';
import { withStoredNetworks } from './stored-network-files.ts';

const adapterSchema = z.object({ r: z.number().int().positive(), lora_alpha: z.number().positive() });

/** Base weights of each branch. */
const baseFiles = {
  dino_vitb16: 'dino_vitb16_pretrain.pth',
  clip_vitb16: 'clip_vitb16_pretrain.pth.tar',
  open_clip_vitb16: 'open_clip_vitb16_pretrain.pth.tar',
} as const;
type BranchName = keyof typeof baseFiles;

/** Files of a measure, for its fingerprint. */
export interface DreamsimFiles {
  readonly branches: readonly {
    readonly name: BranchName;
    readonly base: string;
    readonly adapter: string;
  }[];
}

/**
 * Finds the files of the ensemble, or of DINO's branch alone.
 * @param place a folder that holds them, or a zip archive with them, or such an archive; archives are unpacked into the
 *   user's cache
 * @throws {CheckpointError} if one is missing
 */
export async function findDreamsimFiles(place: string, names: readonly BranchName[]): Promise<DreamsimFiles> {
  const isFolder = (await stat(place)).isDirectory();
  const lacking = isFolder ? await firstMissing(place, names) : baseFiles[names[0]!];
  if (isFolder && lacking === undefined) return filesIn(place, names);
  const inside = isFolder ? (await readdir(place)).filter((name) => /\.zip$/i.test(name)).sort() : [];
  const archives = isFolder ? inside.map((name) => path.join(place, name)) : [place];
  for (const archive of archives) {
    const folder = await unpackZip(archive, (name) => releasedFile.exec(name)?.[1]);
    if (folder !== undefined && (await firstMissing(folder, names)) === undefined)
      return filesIn(folder, names);
  }
  throw new CheckpointError(
    isFolder
      ? `it is missing, and no zip archive of DreamSim in that folder has it`
      : 'it is no zip archive of DreamSim with the branches that are asked for',
    { file: isFolder ? path.join(place, lacking!) : place },
  );
}

/** Files of the released archives, in whatever folder; everything else in them is left. */
const releasedFile =
  /(?:^|\/)((?:dino|clip|open_clip)_vitb16_pretrain\.pth(?:\.tar)?|\w+_lora\/adapter_(?:config\.json|model\.(?:safetensors|bin)))$/;

/** The first base network that is not in a folder. */
async function firstMissing(folder: string, names: readonly BranchName[]): Promise<string | undefined> {
  for (const name of names) if (!(await exists(path.join(folder, baseFiles[name])))) return baseFiles[name];
  return undefined;
}

async function filesIn(folder: string, names: readonly BranchName[]): Promise<DreamsimFiles> {
  const branches = [];
  for (const name of names) {
    const base = path.join(folder, baseFiles[name]);
    const own =
      names.length > 1 ? ['ensemble_lora', `${name}_lora`] : [`${name}_lora`, `${name}_single_lora`];
    branches.push({ name, base, adapter: await findAdapter(folder, own) });
  }
  return { branches };
}

async function findAdapter(folder: string, names: readonly string[]): Promise<string> {
  for (const name of names) {
    const inside = await readdir(path.join(folder, name)).catch(() => []);
    const file = inside.find((entry) => /^adapter_model\.(safetensors|bin)$/.test(entry));
    if (file !== undefined) return path.join(folder, name, file);
  }
  throw new CheckpointError(
    `there is no adapter_model in ${names.join(' or ')}: the release of DreamSim is not whole`,
    { file: folder },
  );
}

/** @throws {CheckpointError} if a file cannot be read or is of another network */
export async function loadDreamsim(runtime: Runtime, { branches }: DreamsimFiles): Promise<PictureMeasure> {
  const files = branches.flatMap(({ base, adapter }) => [base, adapter]);
  return withStoredNetworks(files, async (stored) => {
    const loaded = [];
    for (const [i, { name, adapter }] of branches.entries()) {
      const scope = parameterScope(name);
      const settings = await readAdapterSettings(path.join(path.dirname(adapter), 'adapter_config.json'));
      loaded.push({
        ...dreamsimBranches[name],
        scope,
        network: name,
        lora: { scope: scope.at('lora'), rank: settings.r, alpha: settings.lora_alpha },
        stored: withAdapter(stored[2 * i]!, stored[2 * i + 1]!, i),
      });
    }
    return dreamsimMeasure(runtime, loaded);
  });
}

/** The base's tensors, and those of the adapter for branch `index` under `lora.`. */
function withAdapter(base: StoredNetwork, adapter: StoredNetwork, index: number): StoredNetwork {
  const tensors = new Map<string, StoredTensor>(base.tensors);
  for (const [key, tensor] of adapter.tensors) {
    const [, branch, own] =
      /(?:extractor_list\.(\d+)\..*?)?(blocks\.\d+\.attn\.qkv\.lora_[AB]\.weight)$/.exec(key) ?? [];
    if (own !== undefined && (branch === undefined || Number(branch) === index))
      tensors.set(`lora.${own}`, tensor);
  }
  return { tensors, file: base.file };
}

async function readAdapterSettings(file: string): Promise<z.output<typeof adapterSchema>> {
  try {
    return adapterSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new CheckpointError(explainSystemError(cause), { file, cause });
  }
}
