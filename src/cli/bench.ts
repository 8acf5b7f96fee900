/** `interlcm bench`: how fast this machine restores a face, and where the time goes. */
import { command } from 'cleye';
import type { BenchResult } from '../platform/node/bench.ts';
import { choiceFlag, rejectUnknownFlags } from './flag-types.ts';
import { modelFlags } from './model-flags.ts';

const flags = {
  size: {
    type: choiceFlag('--size', ['micro', 'sd15']),
    default: 'micro',
    placeholder: '<name>',
    description: 'micro, or sd15: the published sizes (makes 5.6 GB of formula weights and keeps them)',
  },
  ...modelFlags,
  json: { type: Boolean, description: 'Write the result as one JSON object to standard output' },
} as const;

export const benchCommand = command(
  {
    name: 'bench',
    flags,
    help: {
      description: 'Restore one 512×512 face with formula weights, and time every stage',
      examples: ['interlcm bench --size sd15', 'interlcm bench --size sd15 --memory low --json'],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { size, device, threads, memory, json } = parsed.flags;
    const [{ createNodeRuntime }, { benchRestoration }] = await Promise.all([
      import('../platform/node/node-runtime.ts'),
      import('../platform/node/bench.ts'),
    ]);
    const runtime = await createNodeRuntime({ device, threads });
    const say = (message: string): void => void process.stderr.write(`${message}\n`);
    const result = await benchRestoration(size as 'micro' | 'sd15', runtime, memory, say);
    process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : formatResult(result));
  },
);

function formatResult(result: BenchResult): string {
  const rows = result.stages.map(({ name, calls, ms, gflop, peakShare }) =>
    [
      name.padEnd(12),
      `${calls}×`.padStart(4),
      `${ms.toFixed(0)} ms`.padStart(10),
      `${gflop.toFixed(1)} GFLOP`.padStart(15),
      `${(100 * peakShare).toFixed(0)} % of peak`.padStart(15),
    ].join(''),
  );
  const seconds = (ms: number): string => `${(ms / 1e3).toFixed(1)} s`;
  return [
    `${result.size} on ${result.device}; memory ${result.memory}; matrix products ${result.peakGflops.toFixed(0)} GFLOP/s`,
    ...rows,
    `one face ${seconds(result.totalMs)}; loading ${seconds(result.loadMs)}; loading and the first face ${seconds(result.firstMs)}`,
    `peak memory ${(result.peakRssBytes / 1e9).toFixed(2)} GB`,
    'Shares above 100 %: Winograd convolutions do less arithmetic than is counted.',
    '',
  ].join('\n');
}
