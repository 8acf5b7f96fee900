/** The service that has served the page, as its clients see it. */

import type { FailureCode } from '../bridge/messages.ts';
import type { CallTools } from './call-tools.ts';
import { PageFailure } from './page-failure.ts';
import { pagePlace } from './page-place.ts';

export interface ServiceFace {
  /** its place among those found */
  readonly index: number;
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly score: number;
  readonly landmarks: readonly (readonly [number, number])[];
  readonly status?: 'restored' | 'sharp' | 'unpainted';
  readonly identityDistance?: number | null;
}

interface ServiceJob {
  readonly status: 'queued' | 'running' | 'done' | 'failed';
  readonly progress: { readonly fraction: number };
  /** null of a picture that is one aligned face */
  readonly faces?: readonly ServiceFace[] | null;
  readonly problem?: ServiceProblem;
  readonly links: { readonly self: string };
}

interface ServiceProblem {
  readonly type: string;
  readonly title: string;
  readonly detail: string;
}

export interface ServiceRequest {
  readonly photo: Blob;
  readonly key: string | undefined;
  /** options as the service names them; undefined ones are left out */
  readonly options?: Readonly<Record<string, string | number | boolean | undefined>>;
}

type Tools = Pick<CallTools, 'signal' | 'onEvent'>;

/** @returns null of a picture that is one aligned face */
export async function findByService(
  { photo, key }: ServiceRequest,
  { signal }: Pick<Tools, 'signal'>,
): Promise<readonly ServiceFace[] | null> {
  const response = await ask('v1/faces', { method: 'POST', body: photo, signal }, key);
  return ((await response.json()) as Pick<ServiceJob, 'faces'>).faces ?? null;
}

/** The job is deleted when its result is here, or is not wanted any more. */
export async function restoreByService(
  { photo, key, options = {} }: ServiceRequest,
  { signal, onEvent }: Tools,
): Promise<{ readonly faces: readonly ServiceFace[] | null; readonly picture: Blob }> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options))
    if (value !== undefined) query.set(name, String(value));
  const sent = await ask(`v1/restorations?${query}`, { method: 'POST', body: photo, signal }, key);
  let job = (await sent.json()) as ServiceJob;
  // Links are paths of the service, which may lie below another path here.
  const self = job.links.self.replace(/^\//, '');
  try {
    while (job.status === 'queued' || job.status === 'running') {
      await pause(signal);
      job = (await (await ask(self, { signal }, key)).json()) as ServiceJob;
      onEvent({ kind: 'progress', fraction: job.progress.fraction });
    }
    if (job.problem) throw failureOf(job.problem);
    const result = await ask(`${self}/result`, { signal }, key);
    return { faces: job.faces ?? null, picture: await result.blob() };
  } finally {
    void ask(self, { method: 'DELETE', keepalive: true }, key).catch(() => {});
  }
}

const betweenLooksMs = 400;

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, betweenLooksMs);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    }
    signal.addEventListener('abort', done);
  });
}

async function ask(path: string, init: RequestInit, key: string | undefined): Promise<Response> {
  const { signal } = init;
  const headers: HeadersInit = key ? { authorization: `Bearer ${key}` } : {};
  const response = await fetch(new URL(path, pagePlace), { ...init, headers }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new PageFailure('offline', 'the service cannot be reached', cause);
  });
  if (response.ok) return response;
  const problem = (await response.json().catch(() => undefined)) as ServiceProblem | undefined;
  throw problem ? failureOf(problem) : new PageFailure('service', `it answered ${response.status}`);
}

/** Problems that the page has words of its own for. */
const codes: Readonly<Record<string, FailureCode>> = {
  'unreadable-picture': 'unreadable',
  unauthorized: 'service-key',
  'queue-full': 'service-busy',
  'too-many-jobs': 'service-busy',
  'too-many-requests': 'service-busy',
  'too-many-uploads': 'service-busy',
  unavailable: 'service-busy',
};

function failureOf({ type, title, detail }: ServiceProblem): PageFailure {
  const code = codes[type.replace(/^urn:interlcm:problem:/, '')];
  return new PageFailure(code ?? 'service', `${title}: ${detail}`);
}
