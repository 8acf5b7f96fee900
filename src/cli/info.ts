/** `interlcm info`: what a checkpoint holds, and whether it is whole. */
import path from 'node:path';
import { command } from 'cleye';
import { requireWritable } from '../platform/node/files/atomic-write.ts';
import type { FileCheck } from '../platform/node/model/check-files.ts';
import type { CheckpointInfo, NetworkInfo } from '../platform/node/model/checkpoint-info.ts';
import { embeddedModel } from '../platform/node/model/packaged-models.ts';
import type { CheckpointOverrides } from '../restore/checkpoint.ts';
import { rejectUnknownFlags, textFlag } from './terminal/flag-types.ts';
import { interruptSignal } from './terminal/interruption.ts';
import { encoderFlags } from './terminal/model-flags.ts';
import { Progress } from './terminal/progress.ts';
import { printable } from './terminal/terminal-text.ts';

const flags = {
  ...encoderFlags,
  saveGraphs: {
    type: textFlag('--save-graphs', 'a folder'),
    placeholder: '<folder>',
    description: "Also write each stage's network as an ONNX file, to look at in Netron",
  },
  check: {
    type: Boolean,
    description: 'Also read all weights, and compare them with their checksums, or published digests',
  },
  json: { type: Boolean, description: 'Write everything as one JSON document to standard output' },
} as const;

export const infoCommand = command(
  {
    name: 'info',
    parameters: ['[folder]'],
    flags,
    help: {
      description:
        'Say what a checkpoint holds (the embedded model unless given), and which tensors are missing or unexpected. Exits with 1 if any, or if a file is damaged',
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { folder = embeddedModel } = parsed._;
    const { visualEncoder, spatialEncoder, saveGraphs: graphFolder, check, json } = parsed.flags;
    const { checkpointInfo } = await import('../platform/node/model/checkpoint-info.ts');
    const overrides = {
      visualEncoder: visualEncoder && path.resolve(visualEncoder),
      spatialEncoder: spatialEncoder && path.resolve(spatialEncoder),
    };
    if (graphFolder !== undefined) await requireWritable(graphFolder);
    const info = await checkpointInfo(folder, overrides);
    const files = check ? await checkWithProgress(folder, overrides) : undefined;
    process.stdout.write(
      json
        ? `${JSON.stringify({ ...info, files }, null, 2)}\n`
        : formatInfo(info) + (files ?? []).map(formatCheck).join(''),
    );
    if (graphFolder !== undefined) {
      const { saveGraphs } = await import('../platform/node/model/save-graphs.ts');
      for (const file of await saveGraphs(folder, graphFolder, overrides))
        process.stderr.write(`${printable(file)}\n`);
    }
    const damaged = files?.some(({ verdict }) => verdict === 'damaged') ?? false;
    process.exitCode = info.networks.every(isWhole) && !damaged ? 0 : 1;
  },
);

async function checkWithProgress(folder: string, overrides: CheckpointOverrides): Promise<FileCheck[]> {
  const { checkFiles } = await import('../platform/node/model/check-files.ts');
  const progress = new Progress(process.stderr, { total: 1 });
  const signal = interruptSignal();
  try {
    return await checkFiles(folder, overrides, {
      signal,
      onProgress(file, doneBytes, totalBytes) {
        progress.total = totalBytes;
        progress.update(doneBytes, `checking ${file}`);
      },
    });
  } finally {
    progress.close();
  }
}

const marks = { whole: 'ok  ', unproven: 'note', damaged: 'FAIL' } as const;

function formatCheck({ file, bytes, verdict, found, sha256 }: FileCheck): string {
  const digest = sha256 === undefined ? '' : `\n     SHA-256 ${sha256}`;
  return `${marks[verdict]} ${printable(file)}, ${(bytes / 1e6).toFixed(1)} MB: ${printable(found)}${digest}\n`;
}

const isWhole = (info: NetworkInfo): boolean =>
  info.missing.length + info.unexpected.length + info.misshapen.length === 0;

function formatInfo({ folder, imageSize, networks }: CheckpointInfo): string {
  const lines = [`${folder}: faces of ${imageSize}×${imageSize} pixels`];
  for (const info of networks) {
    const size = `${(info.parameters / 1e6).toFixed(1)} M parameters, ${(info.bytes / 1e6).toFixed(1)} MB`;
    lines.push(
      `${isWhole(info) ? 'ok  ' : 'FAIL'} ${info.network.padEnd(15)} ${info.tensors} tensors, ${size}, ${info.dtypes.join(' and ')}: ${info.file}`,
      `     config ${JSON.stringify(info.config)}`,
    );
    for (const kind of ['missing', 'unexpected', 'misshapen'] as const)
      if (info[kind].length > 0) lines.push(`     ${kind}: ${info[kind].join(', ')}`);
    if (info.unused.length > 0)
      lines.push(`     ${info.unused.length} more tensors are known and not needed to restore`);
  }
  return `${lines.map(printable).join('\n')}\n`;
}
