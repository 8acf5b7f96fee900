/** Which stages' sessions stay loaded: as many as a memory budget allows, the least recently used going first. */
import type { OnnxModel } from '../graph/onnx/emit-model.ts';
import type { Runtime, Session, SessionOptions, Tensors } from './runtime.ts';

export interface StageModel {
  readonly model: OnnxModel;
  /** Estimate of what the stage takes while it is loaded: its weights and its scratch memory. */
  readonly footprintBytes: number;
  readonly options?: SessionOptions;
}

export interface StagePool<Stage extends string> {
  /** Runs a stage, loading it first if need be; `outputs` are tensors to write results into. */
  run(stage: Stage, feeds: Tensors, outputs?: Tensors): Promise<Tensors>;
  /** Loads all stages together, if the budget allows; else, and without this call, each is loaded when it first runs. */
  load(): Promise<void>;
  /** Milliseconds spent on loading so far. */
  readonly loadMs: number;
  release(): Promise<void>;
}

/**
 * @param budgetBytes 0 keeps one stage at a time, infinity all
 */
export function createStagePool<Stage extends string>(
  runtime: Runtime,
  models: Readonly<Record<Stage, StageModel>>,
  budgetBytes: number,
): StagePool<Stage> {
  /** Loaded sessions, the least recently used first. */
  const loaded = new Map<Stage, Session>();
  let loadMs = 0;

  const createSession = (stage: Stage): Promise<Session> =>
    runtime.createSession(models[stage].model, models[stage].options);

  const makeRoom = async (needed: number): Promise<void> => {
    let total = needed;
    for (const stage of loaded.keys()) total += models[stage].footprintBytes;
    for (const [stage, session] of loaded) {
      if (total <= budgetBytes) break;
      loaded.delete(stage);
      await session.release();
      total -= models[stage].footprintBytes;
    }
  };

  return {
    get loadMs() {
      return loadMs;
    },
    async run(stage, feeds, outputs) {
      let session = loaded.get(stage);
      if (!session) {
        const start = performance.now();
        await makeRoom(models[stage].footprintBytes);
        session = await createSession(stage);
        loadMs += performance.now() - start;
      }
      loaded.delete(stage);
      loaded.set(stage, session); // now the most recently used
      return session.run(feeds, outputs);
    },
    async load() {
      const stages = Object.keys(models) as Stage[];
      if (stages.reduce((sum, stage) => sum + models[stage].footprintBytes, 0) > budgetBytes) return;
      const start = performance.now();
      const missing = stages.filter((stage) => !loaded.has(stage));
      const sessions = await Promise.allSettled(missing.map(createSession));
      for (const [i, result] of sessions.entries())
        if (result.status === 'fulfilled') loaded.set(missing[i]!, result.value);
      loadMs += performance.now() - start;
      for (const result of sessions) if (result.status === 'rejected') throw result.reason;
    },
    async release() {
      const sessions = [...loaded.values()];
      loaded.clear();
      for (const session of sessions) await session.release();
    },
  };
}
