/** A running service: queue, pictures, the processes that restore, and what answers requests. */

import type { AddressInfo } from 'node:net';
import { type HttpBindings, serve } from '@hono/node-server';
import pino, { type Logger } from 'pino';
import { createAccess } from './http/access.ts';
import { createApp } from './http/app.ts';
import { createMetrics } from './metrics.ts';
import { openStores } from './open-stores.ts';
import {
  isLoopback,
  type ServiceSettings,
  type StoreSettings,
  type WorkerSettings,
} from './service-settings.ts';
import { startSweeping } from './sweep.ts';
import { startPhotoWorker } from './work/photo-worker.ts';

export interface RunningService {
  /** e.g. `http://127.0.0.1:8787` */
  readonly url: string;
  /** Answers no more, finishes what is under way or puts it back. @returns how many jobs were put back */
  stop(): Promise<number>;
  /** Ends the processes that restore, whatever they do: what they worked on is begun again when it is started again. */
  kill(): void;
}

/** As structured lines on standard output; never with what pictures hold. */
export function createLogger(level = 'info'): Logger {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime });
}

/** Headers that take longer are a client that means no good. */
const headersTimeoutMs = 15_000;
/** For the slowest upload that is waited for. */
const requestTimeoutMs = 120_000;

/** @throws {Error} if the queue or the pictures cannot be reached, the model not be loaded, or the port is taken */
export async function startService(settings: ServiceSettings, log: Logger): Promise<RunningService> {
  const { queue, store } = await openStores(settings);
  const metrics = createMetrics(() => queue.counts());
  const onLog = (text: string): void => log.error(text);
  const worker = settings.restores
    ? startPhotoWorker({ queue, store, metrics, onLog, settings: settings.work, ...settings })
    : undefined;
  let isOpen = true;
  let isWarm = !worker;
  worker?.ready.then(
    () => {
      isWarm = true;
    },
    (error: Error) => log.error(error, 'the networks cannot be loaded'),
  );
  const stopSweeping = startSweeping(queue, store, settings.limits.timeToLiveMs, (error) => log.error(error));
  const addresses = new WeakMap<Request, string>();
  const app = createApp({
    queue,
    store,
    metrics,
    access: createAccess({ ...settings, loopback: isLoopback(settings.host) }),
    limits: settings.limits,
    version: settings.version,
    needsKey: settings.keys.length > 0,
    isReady: async () => isOpen && isWarm && (await queue.isReady()),
    addressOf: (request) => addresses.get(request) ?? 'unknown',
    onRequest: (line) => log.info(line, 'request'),
    onError: (error) => log.error(error),
  });
  const server = serve({
    fetch: (request, env) => {
      addresses.set(request, (env as HttpBindings).incoming.socket.remoteAddress ?? 'unknown');
      return app.fetch(request, env);
    },
    hostname: settings.host,
    port: settings.port,
    serverOptions: {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 5000,
    },
  });
  const stop = async (): Promise<number> => {
    isOpen = false;
    stopSweeping();
    server.close();
    const putBack = (await worker?.close(settings.graceMs)) ?? 0;
    if ('closeAllConnections' in server) server.closeAllConnections();
    await queue.close();
    await store.close();
    return putBack;
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
    await worker?.ready;
  } catch (cause) {
    await stop().catch(() => undefined);
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw cause;
    throw new Error(`Cannot serve at port ${settings.port}: another program has it (${message})`, { cause });
  }
  const { port } = server.address() as AddressInfo;
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  return { url: `http://${host}:${port}`, stop, kill: () => worker?.kill() };
}

/**
 * Only restores what others accept, over a queue that they share.
 * @throws {Error} as {@link startService}
 */
export async function startWorker(
  settings: StoreSettings & WorkerSettings,
  log: Logger,
): Promise<Pick<RunningService, 'stop' | 'kill'>> {
  const { queue, store } = await openStores(settings);
  const worker = startPhotoWorker({
    queue,
    store,
    metrics: createMetrics(() => queue.counts()),
    onLog: (text) => log.error(text),
    settings: settings.work,
    ...settings,
  });
  const stop = async (): Promise<number> => {
    const putBack = await worker.close(settings.graceMs);
    await queue.close();
    await store.close();
    return putBack;
  };
  try {
    await worker.ready;
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
  return { stop, kill: () => worker.kill() };
}
