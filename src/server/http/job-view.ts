/** A job as its sender sees it. */

import { z } from '@hono/zod-openapi';
import type { Job, JobProblem } from '../job/job.ts';
import { problemOf, problemSchema } from './problem.ts';

const face = z
  .object({
    index: z.number().int().describe('its place among the faces of the photo, from the largest'),
    box: z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }),
    score: z.number(),
    landmarks: z.array(z.tuple([z.number(), z.number()])),
    status: z.enum(['restored', 'sharp', 'unpainted']).optional().describe('sharp ones were left alone'),
    sharpness: z.number().optional(),
    identityDistance: z
      .number()
      .nullable()
      .optional()
      .describe('how far the face has moved from the person it was; from 0.6 on it may be another person'),
  })
  .openapi('Face');

export const jobViewSchema = z
  .object({
    id: z.string(),
    status: z.enum(['queued', 'running', 'done', 'failed']),
    progress: z.object({ fraction: z.number(), label: z.string() }),
    createdAt: z.string(),
    startedAt: z.string().optional(),
    finishedAt: z.string().optional(),
    expiresAt: z.string().optional().describe('when the photo and its result are deleted'),
    width: z.number().int().optional().describe('of the photo, upright, in pixels'),
    height: z.number().int().optional(),
    faces: z.array(face).nullable().optional().describe('null of a picture that is one aligned face'),
    notes: z.array(z.string()).optional(),
    seconds: z.record(z.string(), z.number()).optional(),
    result: z.object({ href: z.string(), mediaType: z.string(), bytes: z.number().int() }).optional(),
    problem: problemSchema.optional(),
    links: z.object({ self: z.string(), events: z.string() }),
  })
  .openapi('Restoration');
export type JobView = z.infer<typeof jobViewSchema>;

const statusOf: { readonly [Code in JobProblem['code']]: number } = {
  'unreadable-picture': 422,
  'too-large': 413,
  'too-many-faces': 422,
  'no-such-face': 422,
  'unsupported-option': 422,
  timeout: 504,
  'worker-lost': 500,
  internal: 500,
};

/** Why a job failed, as problem details with the HTTP status that fits. */
export function problemOfJob({ code, detail }: JobProblem) {
  return problemOf(code, statusOf[code], detail);
}

/** @param timeToLiveMs of a finished job */
export function viewOf(job: Job, timeToLiveMs: number): JobView {
  const { id, state, progress, createdAt, startedAt, finishedAt, outcome, problem } = job;
  const self = `/v1/restorations/${id}`;
  const { result, faces, ...rest } = outcome ?? {};
  return {
    id,
    status: state === 'cancelled' ? 'failed' : state,
    progress,
    createdAt,
    startedAt,
    finishedAt,
    expiresAt: finishedAt && new Date(Date.parse(finishedAt) + timeToLiveMs).toISOString(),
    ...(outcome && {
      ...(rest as Omit<typeof outcome, 'result' | 'faces'>),
      faces: faces as JobView['faces'],
      notes: [...outcome.notes],
      seconds: { ...outcome.seconds },
    }),
    result: result && { href: `${self}/result`, ...result },
    problem: problem && problemOfJob(problem),
    links: { self, events: `${self}/events` },
  };
}
