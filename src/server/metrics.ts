/** What a service counts, as Prometheus reads it. */

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { JobKind, JobOutcome } from './job/job.ts';
import type { QueueCounts } from './job/job-queue.ts';

export interface ServiceMetrics {
  done(kind: JobKind, outcome: JobOutcome): void;
  /** @param code of the problem, or `cancelled` */
  failed(kind: JobKind, code: string): void;
  /** @param route a pattern, not an address */
  answered(method: string, route: string, status: number, seconds: number): void;
  /** In Prometheus's text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

const secondsOfStages = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];

/** @param counts asked whenever the metrics are read */
export function createMetrics(counts: () => Promise<QueueCounts>): ServiceMetrics {
  const registers = [new Registry()];
  const [register] = registers as [Registry];
  const jobs = new Counter({
    name: 'interlcm_jobs_total',
    help: 'Jobs that ended, by kind and how',
    labelNames: ['kind', 'end'],
    registers,
  });
  const faces = new Counter({
    name: 'interlcm_faces_total',
    help: 'Faces in photos, by what became of them',
    labelNames: ['status'],
    registers,
  });
  const stages = new Histogram({
    name: 'interlcm_stage_seconds',
    help: 'Seconds that a stage of a job took',
    labelNames: ['stage'],
    buckets: secondsOfStages,
    registers,
  });
  const requests = new Histogram({
    name: 'interlcm_http_request_seconds',
    help: 'Seconds until a request was answered',
    labelNames: ['method', 'route', 'status'],
    buckets: secondsOfStages,
    registers,
  });
  new Gauge({
    name: 'interlcm_jobs',
    help: 'Jobs that wait or run now',
    labelNames: ['state'],
    registers,
    async collect() {
      const { queued, running } = await counts().catch(() => ({ queued: Number.NaN, running: Number.NaN }));
      this.set({ state: 'queued' }, queued);
      this.set({ state: 'running' }, running);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process that answers requests',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  return {
    done(kind, { faces: found, seconds }) {
      jobs.inc({ kind, end: 'done' });
      for (const face of found ?? []) faces.inc({ status: 'status' in face ? face.status : 'found' });
      for (const [stage, value] of Object.entries(seconds)) stages.observe({ stage }, value);
    },
    failed(kind, code) {
      jobs.inc({ kind, end: code });
    },
    answered(method, route, status, seconds) {
      requests.observe({ method, route, status: String(status) }, seconds);
    },
    text: () => register.metrics(),
    contentType: register.contentType,
  };
}
