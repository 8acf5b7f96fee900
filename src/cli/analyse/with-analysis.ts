/** What every analysis needs while it runs: progress, and the release of what it opens. */
import { Progress } from '../terminal/progress.ts';
import type { AnalyseEnvironment } from './open-sources.ts';

export interface AnalysisSession {
  readonly say: (line: string) => void;
  /** Shows how far it is. */
  readonly onPicture: (done: number, total: number, name: string) => void;
  /** Released at the end. */
  readonly opened: { release(): Promise<void> }[];
}

export async function withAnalysis(
  { signal, stderr }: AnalyseEnvironment,
  work: (session: AnalysisSession) => Promise<void>,
): Promise<void> {
  const progress = new Progress(stderr, { total: 1 });
  const opened: AnalysisSession['opened'] = [];
  try {
    await work({
      say: (line) => progress.line(line),
      onPicture(done, total, name) {
        progress.total = total;
        progress.update(done, `[${done + 1}/${total}] ${name}`);
      },
      opened,
    });
  } finally {
    progress.close();
    // After an interruption networks may still run; the process is about to end.
    if (!signal.aborted) for (const each of opened) await each.release();
  }
}
