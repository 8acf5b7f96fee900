/** `interlcm serve`: restoration over HTTP. */

import { command } from 'cleye';
import { rejectUnknownFlags } from '../terminal/flag-types.ts';
import { packageInfo } from '../terminal/package-info.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { serveFlags } from './serve-flags.ts';
import { untilStopped } from './until-stopped.ts';

export const serveCommand = command(
  {
    name: 'serve',
    parameters: [],
    flags: serveFlags,
    help: {
      description:
        'Restore photos over HTTP: what can be asked is at /docs. Only this machine reaches it unless --host says otherwise. Accepted photos are on disk before they are answered, and are done after a crash',
      examples: [
        'interlcm serve',
        "curl --data-binary @photo.jpg -H 'Prefer: wait' -H 'Accept: image/*' http://localhost:8787/v1/restorations -o restored.jpg",
      ],
    },
  },
  async ({ flags, unknownFlags, _: rest }) => {
    rejectUnknownFlags(unknownFlags, Object.keys(serveFlags));
    if (rest.length > 0) throw new UsageError('serve takes flags only; see serve --help');
    if (flags.newKey !== undefined) {
      const { createApiKey } = await import('../../server/http/access.ts');
      const { key, line } = createApiKey(flags.newKey);
      process.stdout.write(`Key, for the client: ${key}\nLine, for the file of keys: ${line}\n`);
      return;
    }
    const { readServeSettings } = await import('./serve-settings.ts');
    const { createLogger, startService } = await import('../../server/start-service.ts');
    const settings = await readServeSettings(flags, packageInfo().version);
    const log = createLogger(flags.logLevel);
    const service = await startService(settings, log);
    process.stderr.write(`Restoring at ${service.url} (${service.url}/docs tells how); Ctrl-C stops it\n`);
    await untilStopped(service, log);
  },
);
