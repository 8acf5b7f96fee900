/** Errors as answers: problem details (RFC 9457). Nothing of the machine is in them. */

import { z } from '@hono/zod-openapi';
import type { JobProblem } from '../job/job.ts';

type ProblemCode =
  | JobProblem['code']
  | 'invalid-option'
  | 'no-photo'
  | 'unauthorized'
  | 'cross-site'
  | 'not-found'
  | 'not-finished'
  | 'queue-full'
  | 'too-many-jobs'
  | 'too-many-requests'
  | 'too-many-uploads'
  | 'upload-incomplete'
  | 'unavailable';

const titles: { readonly [Code in ProblemCode]: string } = {
  'unreadable-picture': 'The photo cannot be read',
  'too-large': 'The photo is too large',
  'too-many-faces': 'The photo shows too many faces',
  'no-such-face': 'There is no such face',
  'unsupported-option': 'The model does not have what was asked for',
  timeout: 'The job took too long',
  'worker-lost': 'The worker was lost',
  internal: 'Something went wrong in the service',
  'invalid-option': 'An option is wrong',
  'no-photo': 'There is no photo in the request',
  unauthorized: 'A key is needed',
  'cross-site': 'Requests from other sites are refused',
  'not-found': 'There is nothing here',
  'not-finished': 'The job is not done',
  'queue-full': 'Too many photos are waiting',
  'too-many-jobs': 'Too many of your photos are waiting',
  'too-many-requests': 'Too many requests',
  'too-many-uploads': 'Too many photos are arriving at once',
  'upload-incomplete': 'The photo did not arrive whole',
  unavailable: 'The service is not ready',
};

export const problemSchema = z
  .object({
    type: z.string().openapi({ example: 'urn:interlcm:problem:queue-full' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
  })
  .openapi('Problem', { description: 'Problem details, RFC 9457' });
type Problem = z.infer<typeof problemSchema>;

/** @param detail for the client to read: nothing of the machine */
export function problemOf(code: ProblemCode, status: number, detail: string): Problem {
  return { type: `urn:interlcm:problem:${code}`, title: titles[code], status, detail };
}

/** Thrown wherever a request ends early. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    status: number,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.problem = problemOf(code, status, detail);
    this.headers = headers;
  }
}

/** The answer that holds a problem; never cached. */
export function problemResponse(problem: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  });
}
