/** The models that an analysis takes states from. */
import { downloadFolder } from '../../platform/node/download/released-files.ts';
import { type LoadedGenerator, loadGenerator } from '../../platform/node/model/load-generator.ts';
import { loadRestorer } from '../../platform/node/model/load-restorer.ts';
import { embeddedModel } from '../../platform/node/model/packaged-models.ts';
import type { TextCondition } from '../../platform/node/model/text-context.ts';
import type { Restorer } from '../../restore/restorer.ts';
import { untilAborted } from '../../runtime/until-aborted.ts';
import type { HostTensor } from '../../tensor/host-tensor.ts';
import { networkFolders } from '../terminal/network-files.ts';
import type { ProgressStream } from '../terminal/progress.ts';
import type { AnalyseFlags } from './analyse-flags.ts';

export interface AnalyseEnvironment {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** Folders with the weights of metrics. */
export function weightFoldersOf({ weights = [], checkpoint }: AnalyseFlags): string[] {
  if (weights.length > 0) return [...weights];
  return networkFolders(checkpoint);
}

/** The text-to-image model, and the condition that it is to generate by. */
export async function openGeneratorOf(
  condition: TextCondition,
  { checkpoint = downloadFolder, model, device, threads, memory }: AnalyseFlags,
  { signal }: AnalyseEnvironment,
  say: (line: string) => void,
): Promise<{ readonly generator: LoadedGenerator; readonly context: HostTensor }> {
  const load = async () => {
    const generator = await loadGenerator(checkpoint, { model, device, threads, memory, onProgress: say });
    return { generator, context: await generator.encode(condition) };
  };
  return untilAborted(load(), signal);
}

/** The model that restores. */
export async function openRestorerOf(
  { checkpoint = embeddedModel, device, threads, memory }: AnalyseFlags,
  { signal }: AnalyseEnvironment,
  say: (line: string) => void,
): Promise<Restorer> {
  return untilAborted(loadRestorer(checkpoint, { device, threads, memory, onProgress: say }), signal);
}
