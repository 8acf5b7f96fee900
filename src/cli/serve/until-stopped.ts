import type { Logger } from 'pino';
import type { RunningService } from '../../server/start-service.ts';

/** As a shell has it for a command that Ctrl-C ended. */
const interrupted = 130;

/**
 * Runs until SIGINT or SIGTERM; a second one ends the processes that restore, and this one, at once: no job is lost by
 * it.
 */
export async function untilStopped(
  service: Pick<RunningService, 'stop' | 'kill'>,
  log: Logger,
): Promise<void> {
  await new Promise<void>((resolve) => {
    let stopping = false;
    for (const name of ['SIGINT', 'SIGTERM'] as const)
      process.on(name, () => {
        if (stopping) {
          service.kill();
          process.exit(interrupted);
        }
        stopping = true;
        resolve();
      });
  });
  process.stderr.write('Stopping: jobs under way are finished or put back\n');
  const putBack = await service.stop();
  log.info({ putBack }, 'stopped');
  process.exit(0);
}
