/** The requests that make, show, follow, fetch and delete jobs. */

import { randomBytes } from 'node:crypto';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { isFinished, type Job, type JobKind, type JobRequest } from '../job/job.ts';
import type { JobQueue } from '../job/job-queue.ts';
import type { PictureStore } from '../job/picture-store.ts';
import { type RestorationOptions, restorationOptionsSchema } from '../job/restoration-options.ts';
import { streamJob, waitForJob } from './events.ts';
import { type JobView, problemOfJob, viewOf } from './job-view.ts';
import { HttpProblem, problemResponse } from './problem.ts';
import { readUpload, type Upload } from './upload.ts';

export interface RestorationLimits {
  /** of one photo, in bytes */
  readonly maxBytes: number;
  /** photos of one batch */
  readonly maxBatch: number;
  /** jobs that may wait, everybody's together */
  readonly maxQueued: number;
  /** jobs of one client that may wait or run */
  readonly maxPending: number;
  /** uploads that may arrive at once: they are held in memory */
  readonly maxUploads: number;
  /** how long finished jobs are kept */
  readonly timeToLiveMs: number;
}

interface RestorationServices {
  readonly queue: JobQueue;
  readonly store: PictureStore;
  readonly limits: RestorationLimits;
}

/** What the middleware knows of a request. */
export interface RequestVariables {
  Variables: { client: string };
}
type App = OpenAPIHono<RequestVariables>;
type Request = Context<RequestVariables>;

/** Longest that an answer is held back for. */
const longestWaitMs = 300_000;
/** What `Retry-After` says of a queue that is full. */
const retryAfterSeconds = '15';

/** Adds what is under `/v1`; an upload is refused where the queue or those still arriving leave no room. */
export function addRestorationRoutes(app: App, { queue, store, limits }: RestorationServices): void {
  let arriving = 0;
  const receive = async (context: Request, maxPhotos: number): Promise<Upload> => {
    await requireRoom(context.get('client'), 1);
    if (arriving >= limits.maxUploads)
      throw new HttpProblem(
        'too-many-uploads',
        503,
        'photos of others are arriving; send it again in a moment',
        {
          'retry-after': '2',
        },
      );
    arriving++;
    try {
      return await readUpload(context.req.raw, { maxBytes: limits.maxBytes, maxPhotos });
    } finally {
      arriving--;
    }
  };

  const requireRoom = async (client: string, jobs: number): Promise<void> => {
    const { queued } = await queue.counts();
    const retry = { 'retry-after': retryAfterSeconds };
    if (queued + jobs > limits.maxQueued)
      throw new HttpProblem(
        'queue-full',
        429,
        `${limits.maxQueued} photos may wait, and ${queued} do`,
        retry,
      );
    const pending = await queue.pendingOf(client);
    if (pending + jobs > limits.maxPending)
      throw new HttpProblem(
        'too-many-jobs',
        429,
        `${limits.maxPending} of your photos may wait or be worked on, and ${pending} are`,
        retry,
      );
  };

  /** The photo first: a job that is there has one. */
  const accept = async (
    client: string,
    kind: JobKind,
    options: RestorationOptions,
    photo: Uint8Array,
  ): Promise<JobRequest> => {
    const request: JobRequest = {
      id: randomBytes(16).toString('hex'),
      kind,
      client,
      options,
      createdAt: new Date().toISOString(),
    };
    await store.write(request.id, 'photo', photo);
    try {
      await queue.add(request);
    } catch (error) {
      await store.remove(request.id).catch(() => undefined);
      throw error;
    }
    return request;
  };

  const ownJob = async (context: Request, kind: JobKind = 'restoration'): Promise<Job> => {
    const id = context.req.param('id') ?? '';
    const job = /^[0-9a-f]{32}$/.test(id) ? await queue.get(id) : undefined;
    // Whose else it is does not exist.
    if (!job || job.kind !== kind || job.client !== context.get('client') || job.state === 'cancelled')
      throw new HttpProblem('not-found', 404, 'there is no such restoration, or it has been deleted');
    return job;
  };
  const view = (job: Job): JobView => viewOf(job, limits.timeToLiveMs);

  app.post('/v1/restorations', async (context) => {
    const { photos, options } = await receive(context, 1);
    const asked = parseOptions(options);
    const client = context.get('client');
    const { id } = await accept(client, 'restoration', asked, photos[0]!);
    const waitMs = waitOf(context);
    const job =
      waitMs === undefined
        ? await queue.get(id)
        : await waitForJob(queue, id, waitMs, context.req.raw.signal);
    if (!job) throw new HttpProblem('not-found', 404, 'it was deleted while you waited');
    const headers = { location: `/v1/restorations/${id}` };
    if (!isFinished(job)) return context.json(view(job), 202, headers);
    if (waitMs !== undefined && wantsPicture(context)) {
      if (job.problem) return problemResponse(problemOfJob(job.problem), headers);
      return pictureOf(job, headers);
    }
    return context.json(view(job), 200, headers);
  });

  app.post('/v1/batches', async (context) => {
    const { photos, options } = await receive(context, limits.maxBatch);
    const asked = parseOptions(options);
    const client = context.get('client');
    await requireRoom(client, photos.length);
    const restorations: JobView[] = [];
    for (const photo of photos) {
      const { id } = await accept(client, 'restoration', asked, photo);
      restorations.push(view((await queue.get(id))!));
    }
    return context.json({ restorations }, 202);
  });

  app.post('/v1/faces', async (context) => {
    const { photos, options } = await receive(context, 1);
    const asked = parseOptions(options);
    const { id } = await accept(context.get('client'), 'detection', asked, photos[0]!);
    try {
      const job = await waitForJob(queue, id, waitOf(context) ?? longestWaitMs, context.req.raw.signal);
      if (!job || !isFinished(job))
        throw new HttpProblem('timeout', 504, 'others are before it; ask again later', {
          'retry-after': retryAfterSeconds,
        });
      if (job.problem) return problemResponse(problemOfJob(job.problem));
      const { width, height, faces, notes, seconds } = job.outcome!;
      return context.json({ width, height, faces, notes, seconds }, 200);
    } finally {
      await forget(id);
    }
  });

  app.get('/v1/restorations/:id', async (context) => context.json(view(await ownJob(context)), 200));
  app.get('/v1/restorations/:id/events', async (context) =>
    streamJob(context, queue, await ownJob(context), view),
  );
  app.get('/v1/restorations/:id/result', async (context) => {
    const job = await ownJob(context);
    if (job.problem) return problemResponse(problemOfJob(job.problem));
    if (job.state !== 'done')
      throw new HttpProblem('not-finished', 409, 'it is not done yet; its events tell when it is');
    return pictureOf(job);
  });
  app.delete('/v1/restorations/:id', async (context) => {
    const { id } = await ownJob(context);
    await forget(id);
    return context.body(null, 204);
  });

  const pictureOf = async (job: Job, headers: Record<string, string> = {}): Promise<Response> => {
    const bytes = await store.read(job.id, 'result');
    if (!bytes) throw new HttpProblem('not-found', 404, 'its result has been deleted');
    const { mediaType } = job.outcome!.result!;
    return new Response(bytes as Uint8Array<ArrayBuffer>, {
      headers: {
        ...headers,
        'content-type': mediaType,
        'content-length': String(bytes.length),
        'content-disposition': `attachment; filename="restored.${mediaType.slice(mediaType.indexOf('/') + 1)}"`,
        'cache-control': 'private, no-store',
      },
    });
  };

  const forget = async (id: string): Promise<void> => {
    await queue.cancel(id);
    await store.remove(id);
    await queue.remove(id);
  };
}

function parseOptions(options: Readonly<Record<string, string>>): RestorationOptions {
  const parsed = restorationOptionsSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  const reasons = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`.trim());
  throw new HttpProblem('invalid-option', 400, reasons.join('; '));
}

/** By `Prefer: wait` or `wait=SECONDS` (RFC 7240); undefined without it. */
function waitOf(context: Request): number | undefined {
  const match = /\bwait\b(?:\s*=\s*"?(\d{1,6})"?)?/.exec(context.req.header('prefer') ?? '');
  if (!match) return undefined;
  return match[1] === undefined ? longestWaitMs : Math.min(longestWaitMs, 1000 * Number(match[1]));
}

function wantsPicture(context: Request): boolean {
  return /^\s*image\//.test(context.req.header('accept') ?? '');
}
