/** `interlcm bench`: how fast this machine restores a face, and where the time goes. */
import { command } from 'cleye';
import type { BenchResult } from '../../platform/node/measure/bench.ts';
import type { FaceBenchResult } from '../../platform/node/measure/bench-faces.ts';
import type {
  PartTiming,
  TrainBenchResult,
  TrainBenchSize,
} from '../../platform/node/measure/bench-train.ts';
import { choiceFlag, rejectUnknownFlags, textFlag } from '../terminal/flag-types.ts';
import { interruptSignal } from '../terminal/interruption.ts';
import { modelFlags } from '../terminal/model-flags.ts';
import { printable } from '../terminal/terminal-text.ts';

const flags = {
  size: {
    type: choiceFlag('--size', ['micro', 'sd15']),
    default: 'micro',
    placeholder: '<name>',
    description: 'micro, or sd15: the published sizes (makes 5.6 GB of formula weights and keeps them)',
  },
  train: {
    type: choiceFlag('--train', ['tiny', 'small', 'sd15']),
    placeholder: '<name>',
    description: 'Time an iteration of training instead; sd15: the published sizes, some minutes',
  },
  faces: {
    type: textFlag('--faces', 'a photo'),
    placeholder: '<photo>',
    description: 'Time the search for faces instead, in this photo at 12, 2 and 0.25 megapixels',
  },
  album: {
    type: textFlag('--album', 'a folder of photos'),
    placeholder: '<folder>',
    description: 'Time the restoration of all photos in a folder instead, by the embedded model',
  },
  metrics: {
    type: Boolean,
    description:
      'Time the networks of evaluate --metrics instead (makes 0.4 GB of formula weights and keeps them)',
  },
  ...modelFlags,
  json: { type: Boolean, description: 'Write the result as one JSON object to standard output' },
} as const;

export const benchCommand = command(
  {
    name: 'bench',
    flags,
    help: {
      description:
        'Restore one 512×512 face with formula weights, train an iteration, look for faces, restore an album, or take metrics, and time every part',
      examples: [
        'interlcm bench --size sd15',
        'interlcm bench --train small',
        'interlcm bench --faces photo.jpg',
        'interlcm bench --album album/',
        'interlcm bench --metrics',
      ],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { size, train, faces, album, metrics, device, threads, memory, json } = parsed.flags;
    if (album !== undefined) {
      const { benchAlbum, formatAlbum } = await import('./bench-album.ts');
      const result = await benchAlbum(album, { device, threads, memory }, interruptSignal());
      process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : formatAlbum(result));
      return;
    }
    const say = (message: string): void => void process.stderr.write(`${printable(message)}\n`);
    if (faces !== undefined) {
      const [{ benchFaces }, { createWorkerRuntime }, { readImageFile }] = await Promise.all([
        import('../../platform/node/measure/bench-faces.ts'),
        import('../../platform/node/engine/worker-runtime.ts'),
        import('../../platform/node/picture/image-file.ts'),
      ]);
      const runtime = await createWorkerRuntime({ device: 'cpu', threads });
      const result = await benchFaces(runtime, (await readImageFile(faces)).pixels, say);
      process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : formatFaces(result));
      return;
    }
    const [{ createNodeRuntime }, { benchRestoration }, { benchTraining }] = await Promise.all([
      import('../../platform/node/engine/node-runtime.ts'),
      import('../../platform/node/measure/bench.ts'),
      import('../../platform/node/measure/bench-train.ts'),
    ]);
    const runtime = await createNodeRuntime({ device, threads });
    if (train !== undefined) {
      const result = await benchTraining(train as TrainBenchSize, runtime, say);
      process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : formatTraining(result));
      return;
    }
    if (metrics) {
      const [{ benchMetrics }, { formatMetrics }] = await Promise.all([
        import('../../platform/node/measure/bench-metrics.ts'),
        import('./format-metrics.ts'),
      ]);
      const result = await benchMetrics(runtime, say);
      process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : formatMetrics(result));
      return;
    }
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

function formatFaces({ device, loadMs, sizes }: FaceBenchResult): string {
  const blocks = sizes.map(({ width, height, totalMs, faces, stages }) => {
    const megapixels = (width * height) / 1e6;
    const count = faces === 1 ? '1 face' : `${faces} faces`;
    const rate = `${(totalMs / 1e3 / megapixels).toFixed(3)} s a megapixel`;
    return [
      `${width} x ${height}, ${count}: ${totalMs.toFixed(0)} ms, ${rate}`,
      ...stages.map(({ name, ms, calls }) =>
        [`  ${name}`.padEnd(24), `${calls}×`.padStart(5), `${ms.toFixed(1)} ms`.padStart(12)].join(''),
      ),
    ].join('\n');
  });
  return [`faces on ${device}; loading ${loadMs.toFixed(0)} ms`, ...blocks, ''].join('\n');
}

function formatTraining(result: TrainBenchResult): string {
  const { peakGflops, parts } = result;
  const row = (name: string, timings: readonly PartTiming[]): string => {
    const ms = timings.reduce((sum, part) => sum + part.ms, 0);
    const gflop = timings.reduce((sum, part) => sum + part.gflop, 0);
    const rate = gflop / (ms / 1e3);
    const arithmetic =
      gflop > 0
        ? [
            `${gflop.toFixed(1)} GFLOP`.padStart(16),
            `${rate.toFixed(0)} GFLOP/s`.padStart(14),
            `${((100 * rate) / peakGflops).toFixed(0)} % of peak`.padStart(15),
          ].join('')
        : '';
    return `${name.padEnd(24)}${`${(ms / 1e3).toFixed(2)} s`.padStart(10)}${arithmetic}`;
  };
  const keys = [...new Set(parts.map(({ phase, networks }) => `${phase} ${networks}`))];
  const networks = keys.map((key) =>
    row(
      `  ${key}`,
      parts.filter((part) => `${part.phase} ${part.networks}` === key),
    ),
  );
  const present = ['forward', 'backward', 'update'].filter((phase) =>
    parts.some((part) => part.phase === phase),
  );
  const phases = present.map((phase) =>
    row(
      phase,
      parts.filter((part) => part.phase === phase),
    ),
  );
  const whole = {
    phase: '',
    networks: '',
    ms: result.iterationMs,
    gflop: parts.reduce((sum, { gflop }) => sum + gflop, 0),
  };
  return [
    `training ${result.size} on ${result.device}; ${result.batch} images an iteration, ${(result.trainedParameters / 1e6).toFixed(2)} M parameters trained; matrix products ${peakGflops.toFixed(0)} GFLOP/s`,
    ...networks,
    ...phases,
    row('iteration', [whole]),
    `${result.imagesPerSecond.toPrecision(3)} images/s; waiting for images ${(result.dataMs / 1e3).toFixed(2)} s; peak memory ${(result.peakRssBytes / 1e9).toFixed(2)} GB`,
    'Backward parts compute the inside of their segment again where a step is cut; that is counted.',
    '',
  ].join('\n');
}
