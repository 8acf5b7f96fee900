/** The commands of `interlcm`. */

import { inspect } from 'node:util';
import { cli } from 'cleye';
import { analyseCommand } from './analyse/analyse.ts';
import { benchCommand } from './bench/bench.ts';
import { degradeCommand } from './degrade/degrade.ts';
import { doctorCommand } from './doctor.ts';
import { downloadCommand } from './download.ts';
import { embedCommand } from './embed.ts';
import { evaluateCommand } from './evaluate/evaluate.ts';
import { facesCommand } from './faces/faces.ts';
import { generateCommand } from './generate/generate.ts';
import { infoCommand } from './info.ts';
import { packCommand } from './pack.ts';
import { pageCommand } from './page.ts';
import { reproduceCommand } from './reproduce/reproduce.ts';
import { restoreCommand } from './restore/restore.ts';
import { serveCommand } from './serve/serve.ts';
import { workCommand } from './serve/work.ts';
import { adviseOn } from './terminal/advice.ts';
import { rejectUnknownFlags } from './terminal/flag-types.ts';
import { endInterrupted } from './terminal/interruption.ts';
import { packageInfo } from './terminal/package-info.ts';
import { printableMessage } from './terminal/terminal-text.ts';
import { InterruptedError, UsageError } from './terminal/usage-error.ts';
import { trainCommand } from './train.ts';
import { verifyCommand } from './verify.ts';

const { version, description } = packageInfo();

// Whoever reads the output may stop reading (`interlcm restore --help | head`): the work goes on.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

try {
  await cli(
    {
      name: 'interlcm',
      version,
      help: { description },
      commands: [
        restoreCommand,
        generateCommand,
        pageCommand,
        facesCommand,
        downloadCommand,
        evaluateCommand,
        analyseCommand,
        reproduceCommand,
        verifyCommand,
        benchCommand,
        infoCommand,
        doctorCommand,
        trainCommand,
        embedCommand,
        degradeCommand,
        packCommand,
        serveCommand,
        workCommand,
      ],
    },
    (parsed) => {
      rejectUnknownFlags(parsed.unknownFlags, ['help', 'version']);
      const [name] = parsed._;
      if (name !== undefined)
        throw new UsageError(`Unknown command ${JSON.stringify(name)}; see interlcm --help`);
      parsed.showHelp();
    },
  );
} catch (error) {
  report(error);
}

function report(error: unknown): void {
  process.stderr.write(
    `interlcm: ${process.env['DEBUG'] ? inspect(error) : printableMessage(adviseOn(error))}\n`,
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
  // What was interrupted may still be running; what was written before must get out first.
  if (error instanceof InterruptedError) process.stdout.write('', endInterrupted);
}
