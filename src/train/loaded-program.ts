import type { Runtime, Tensors } from '../runtime/runtime.ts';
import { createStagePool } from '../runtime/stage-pool.ts';
import { type GradientProgram, type ProgramPart, runGradientProgram } from './gradient-program.ts';

/** A gradient program with its sessions. */
export interface LoadedProgram {
  /** As {@link runGradientProgram}. */
  run(feeds: Tensors, gradients: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

export interface LoadOptions {
  /** Whether only one session is kept, for programs too large to be loaded as a whole. */
  readonly oneAtATime: boolean;
  /** Sees how long each session's run took. */
  readonly onPart?: ((part: ProgramPart, ms: number) => void) | undefined;
}

/** Sessions of a program's parts, created when they first run. */
export function loadProgram(
  runtime: Runtime,
  program: GradientProgram,
  { oneAtATime, onPart }: LoadOptions,
): LoadedProgram {
  const models = Object.fromEntries(
    program.parts.map(({ model }) => [model.name, { model, weightBytes: 1, scratchBytes: 0 }]),
  );
  const pool = createStagePool<string>(runtime, models, oneAtATime ? 0 : Number.POSITIVE_INFINITY);
  return {
    run: (feeds, gradients) =>
      runGradientProgram(
        program,
        async (part, partFeeds, outputs) => {
          const start = performance.now();
          const results = await pool.run(part.model.name, partFeeds, outputs);
          onPart?.(part, performance.now() - start);
          return results;
        },
        feeds,
        gradients,
      ),
    release: () => pool.release(),
  };
}
