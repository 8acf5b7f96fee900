import type { Logger } from 'pino';
import type { RunningService } from '../../server/start-service.ts';

/** Runs until SIGINT or SIGTERM; a second one ends the process at once, which loses no job. */
export async function untilStopped(service: Pick<RunningService, 'stop'>, log: Logger): Promise<void> {
  await new Promise<void>((resolve) => {
    let stopping = false;
    for (const name of ['SIGINT', 'SIGTERM'] as const)
      process.on(name, () => {
        if (stopping) process.exit(1);
        stopping = true;
        resolve();
      });
  });
  process.stderr.write('Stopping: jobs under way are finished or put back\n');
  const putBack = await service.stop();
  log.info({ putBack }, 'stopped');
  process.exit(0);
}
