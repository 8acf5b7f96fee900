/** `evaluate --metrics`: from the folders that were named to sets of pictures, restored on the way where need be. */
import { untilAborted } from '../../runtime/until-aborted.ts';
import { type EvaluateEnvironment, type EvaluateRequest, loadRestore } from './run-evaluate.ts';
import { type MetricsRequest, runMetrics } from './run-metrics.ts';

export interface EvaluateMetricsRequest extends Omit<MetricsRequest, 'sets'> {
  readonly folders: { readonly hq?: string; readonly lq?: string; readonly restored?: string };
  /** How pictures of `lq` are restored where there is no folder of results. */
  readonly restoring: Pick<EvaluateRequest, 'model' | 'sampling' | 'autoencoder' | 'size'>;
}

export async function evaluateMetrics(
  { folders: { hq, lq, restored }, restoring, ...request }: EvaluateMetricsRequest,
  environment: EvaluateEnvironment,
): Promise<number> {
  const { signal, stderr } = environment;
  const loaded: { release(): Promise<void> }[] = [];
  try {
    const restore =
      restoring.model &&
      (await untilAborted(
        loadRestore(
          restoring,
          signal,
          (one) => {
            loaded.push(one);
            return one;
          },
          (message) => void stderr.write(`${message}\n`),
        ),
        signal,
      ));
    const shared = { truth: hq, size: restoring.size };
    const results = restored ?? lq;
    const sets = [
      ...(lq === undefined ? [] : [{ ...shared, label: 'input', pictures: lq }]),
      ...(results === undefined ? [] : [{ ...shared, label: 'restored', pictures: results, restore }]),
    ];
    return await runMetrics({ ...request, sets }, environment);
  } finally {
    if (!signal.aborted) for (const one of loaded) await one.release();
  }
}
