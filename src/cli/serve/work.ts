/** `interlcm work`: restores what services on other machines accept. */

import { command } from 'cleye';
import { rejectUnknownFlags } from '../terminal/flag-types.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { workFlags } from './serve-flags.ts';
import { untilStopped } from './until-stopped.ts';

export const workCommand = command(
  {
    name: 'work',
    parameters: [],
    flags: workFlags,
    help: {
      description:
        'Restore what interlcm serve accepts, here or on other machines, over one --redis; pictures go through --data, a folder that all share, or --s3',
      examples: ['interlcm work --redis redis://queue:6379 --data /shared/interlcm'],
    },
  },
  async ({ flags, unknownFlags, _: rest }) => {
    rejectUnknownFlags(unknownFlags, Object.keys(workFlags));
    if (rest.length > 0) throw new UsageError('work takes flags only; see work --help');
    if (flags.redis === undefined)
      throw new UsageError('work needs --redis: the queue that it shares with interlcm serve');
    const { readWorkSettings } = await import('./serve-settings.ts');
    const { createLogger, startWorker } = await import('../../server/start-service.ts');
    const settings = await readWorkSettings(flags);
    const log = createLogger(flags.logLevel);
    const worker = await startWorker(settings, log);
    process.stderr.write('Working; Ctrl-C stops it\n');
    await untilStopped(worker, log);
  },
);
