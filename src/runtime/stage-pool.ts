/**
 * Which stages' sessions stay loaded: as many as a memory budget allows. Stages run in a cycle, so the one that was used
 * least recently is needed next: those go that take the least to load again.
 */
import type { OnnxModel } from '../graph/onnx/emit-model.ts';
import type { Runtime, Session, SessionOptions, Tensors } from './runtime.ts';

export interface StageModel {
  readonly model: OnnxModel;
  readonly weightBytes: number;
  /** Estimate of what else a run takes. */
  readonly scratchBytes: number;
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
  const loaded = new Map<Stage, Session>();
  // Scratch memory is held by each session that has run, or once for all of them.
  const shares = runtime.sharesScratch;
  const most = Math.max(...Object.values<StageModel>(models).map(({ scratchBytes }) => scratchBytes));
  const room = shares ? budgetBytes - most : budgetBytes;
  const bytesOf = (stage: Stage): number =>
    models[stage].weightBytes + (shares ? 0 : models[stage].scratchBytes);
  let loadMs = 0;

  const createSession = (stage: Stage): Promise<Session> =>
    runtime.createSession(models[stage].model, models[stage].options);

  const makeRoom = async (needed: number): Promise<void> => {
    const excess = [...loaded.keys()].reduce((sum, stage) => sum + bytesOf(stage), needed - room);
    for (const stage of leastThatFrees([...loaded.keys()], bytesOf, excess)) {
      const session = loaded.get(stage)!;
      loaded.delete(stage);
      await session.release();
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
        await makeRoom(bytesOf(stage));
        session = await createSession(stage);
        loadMs += performance.now() - start;
      }
      loaded.set(stage, session);
      return session.run(feeds, outputs);
    },
    async load() {
      const stages = Object.keys(models) as Stage[];
      if (stages.reduce((sum, stage) => sum + bytesOf(stage), 0) > room) return;
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

/** Of all choices whose bytes reach `excess` the one of the fewest; all where none does. */
function leastThatFrees<Stage>(
  stages: readonly Stage[],
  bytesOf: (stage: Stage) => number,
  excess: number,
): readonly Stage[] {
  if (excess <= 0) return [];
  if (stages.length > mostCompared) return stages;
  let best = stages;
  let bestBytes = Number.POSITIVE_INFINITY;
  for (let choice = 1; choice < 2 ** stages.length; choice++) {
    const chosen = stages.filter((_, i) => choice & (1 << i));
    const bytes = chosen.reduce((sum, stage) => sum + bytesOf(stage), 0);
    if (bytes >= excess && bytes < bestBytes) [best, bestBytes] = [chosen, bytes];
  }
  return best;
}

/** A restorer has six stages: all choices are compared. */
const mostCompared = 10;
