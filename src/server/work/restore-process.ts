/** The process that decodes and restores what others have sent: if a picture takes it down, one job is lost. */

import { loadPhotoTools } from '../../platform/node/model/load-photo-tools.ts';
import { problemOfError } from '../job/job.ts';
import type { WorkAnswer, WorkRequest, WorkSettings } from './messages.ts';
import { workOnPhoto } from './work-on-photo.ts';

const { limits, checkpoint, threads, memory } = JSON.parse(process.argv[2]!) as WorkSettings;
const tools = loadPhotoTools({ checkpoint, threads, memory });
const answer = (message: WorkAnswer): void => {
  process.send?.(message);
};

// Nobody is left to restore for. While a network runs, an orderly exit would abort in ONNX Runtime.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

process.on('message', async (request: WorkRequest) => {
  try {
    const { outcome, result } = await workOnPhoto(request, tools, limits, (progress) =>
      answer({ kind: 'progress', progress }),
    );
    answer({ kind: 'done', outcome, ...(result && { result }) });
  } catch (error) {
    answer({
      kind: 'failed',
      problem: problemOfError(error),
      log: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
});

await Promise.all([tools.detector(), tools.restorer()]);
answer({ kind: 'ready' });
