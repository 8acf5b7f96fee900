/** Verification of metrics from files: a set's JSON with its tensors beside it, or a folder of them. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Runtime } from '../../../runtime/runtime.ts';
import { isMetricsSet, verifyMetricsSet } from '../../../verify/metrics/verify-metrics.ts';
import type { VerifyRow } from '../../../verify/report.ts';
import type { ReadTensor } from '../../../verify/restoration.ts';
import { bindFormulaFile } from '../model/formula-file.ts';
import { openTensors, readJson } from './reference-files.ts';

/** The JSON files of a folder that hold sets of metrics. */
export async function listMetricsSets(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  const sets: string[] = [];
  for (const file of names.map((name) => path.join(folder, name)))
    if (isMetricsSet(await readJson(file))) sets.push(file);
  return sets;
}

/** Verifies one set; with `prefix` its rows carry the file's name. */
export async function* verifyMetricsFile(
  file: string,
  runtime: Runtime,
  {
    onProgress = () => {},
    prefix = false,
  }: { onProgress?: (message: string) => void; prefix?: boolean } = {},
): AsyncGenerator<VerifyRow> {
  const json = await readJson(file);
  const tensorsFile = file.replace(/\.json$/, '.safetensors');
  // A set of texts has no tensors.
  const tensors = (await stat(tensorsFile).catch(() => undefined)) && (await openTensors(tensorsFile));
  const name = path.basename(file, '.json');
  if (prefix) onProgress(name);
  const none: ReadTensor = async () => undefined;
  try {
    const rows = verifyMetricsSet(json, tensors?.read ?? none, {
      runtime,
      bind: bindFormulaFile(onProgress),
      readText: (relative) => readFile(path.join(path.dirname(file), relative), 'utf8'),
    });
    for await (const row of rows) yield prefix ? { ...row, name: `${name}: ${row.name}` } : row;
  } finally {
    await tensors?.close();
  }
}
