/** `interlcm info`: what a checkpoint holds, and whether it is whole. */
import path from 'node:path';
import { command } from 'cleye';
import type { CheckpointInfo, NetworkInfo } from '../platform/node/model/checkpoint-info.ts';
import { embeddedModel } from '../platform/node/model/embedded-model.ts';
import { rejectUnknownFlags, textFlag } from './terminal/flag-types.ts';
import { encoderFlags } from './terminal/model-flags.ts';
import { printable } from './terminal/terminal-text.ts';

const flags = {
  ...encoderFlags,
  saveGraphs: {
    type: textFlag('--save-graphs', 'a folder'),
    placeholder: '<folder>',
    description: "Also write each stage's network as an ONNX file, to look at in Netron",
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
        'Say what a checkpoint holds (the embedded model unless given), and which tensors are missing or unexpected. Exits with 1 if any',
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(flags));
    const { folder = embeddedModel } = parsed._;
    const { visualEncoder, spatialEncoder, saveGraphs: graphFolder, json } = parsed.flags;
    const { checkpointInfo } = await import('../platform/node/model/checkpoint-info.ts');
    const overrides = {
      visualEncoder: visualEncoder && path.resolve(visualEncoder),
      spatialEncoder: spatialEncoder && path.resolve(spatialEncoder),
    };
    const info = await checkpointInfo(folder, overrides);
    process.stdout.write(json ? `${JSON.stringify(info, null, 2)}\n` : formatInfo(info));
    if (graphFolder !== undefined) {
      const { saveGraphs } = await import('../platform/node/model/save-graphs.ts');
      for (const file of await saveGraphs(folder, graphFolder, overrides)) process.stderr.write(`${file}\n`);
    }
    process.exitCode = info.networks.every(isWhole) ? 0 : 1;
  },
);

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
