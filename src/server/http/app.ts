/** The service as one function from requests to answers. */

import { OpenAPIHono } from '@hono/zod-openapi';
import { secureHeaders } from 'hono/secure-headers';
import type { JobQueue } from '../job/job-queue.ts';
import type { PictureStore } from '../job/picture-store.ts';
import type { ServiceMetrics } from '../metrics.ts';
import type { Access } from './access.ts';
import { addOpenApi } from './openapi.ts';
import { HttpProblem, problemOf, problemResponse } from './problem.ts';
import { addRestorationRoutes, type RequestVariables, type RestorationLimits } from './restorations.ts';
import { servePage } from './serve-page.ts';
import { tryPage } from './try-page.ts';

interface AppOptions {
  readonly queue: JobQueue;
  readonly store: PictureStore;
  readonly metrics: ServiceMetrics;
  readonly access: Access;
  readonly limits: RestorationLimits;
  readonly version: string;
  /** Whether clients have keys. */
  readonly needsKey: boolean;
  /** Whether it takes photos now. */
  readonly isReady: () => Promise<boolean>;
  /** The other end of a request. */
  readonly addressOf: (request: Request) => string;
  /** One line a request, without what was sent. */
  readonly onRequest: (line: Readonly<Record<string, string | number>>) => void;
  readonly onError: (error: Error) => void;
}

/** What everybody may ask, without a key: it tells nothing of anybody's photos. */
const open = new Set(['/healthz', '/readyz', '/openapi.json', ...Object.keys(tryPage)]);

/** Binds no port: whoever serves it, or tests it, asks it. */
export function createApp(options: AppOptions): OpenAPIHono<RequestVariables> {
  const { queue, store, metrics, access, limits } = options;
  const app = new OpenAPIHono<RequestVariables>();

  app.use(async (context, next) => {
    const start = performance.now();
    await next();
    const seconds = (performance.now() - start) / 1000;
    const { method } = context.req;
    const { status } = context.res;
    metrics.answered(method, routeOf(context.req.path), status, seconds);
    options.onRequest({ method, path: context.req.path, status, ms: Math.round(1000 * seconds) });
  });
  // Before the headers of all other answers: the page has its own.
  app.use(servePage(options));
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ["'self'", 'blob:'],
        frameAncestors: ["'none'"],
      },
      referrerPolicy: 'no-referrer',
    }),
  );
  app.use(async (context, next) => {
    if (!open.has(context.req.path))
      context.set('client', await access.admit(context.req.raw, options.addressOf(context.req.raw)));
    await next();
  });

  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', async (context) => {
    if (await options.isReady()) return context.json({ status: 'ready' });
    throw new HttpProblem('unavailable', 503, 'it is starting, stopping, or has lost its queue');
  });
  app.get('/metrics', async (context) =>
    context.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  );
  addRestorationRoutes(app, { queue, store, limits });
  addOpenApi(app, options.version);
  for (const [path, { type, text }] of Object.entries(tryPage))
    app.get(path, (context) => context.body(text, 200, { 'content-type': type }));

  app.notFound(() => problemResponse(problemOf('not-found', 404, 'see /docs')));
  app.onError((error) => {
    if (error instanceof HttpProblem) return problemResponse(error.problem, error.headers);
    options.onError(error);
    return problemResponse(problemOf('internal', 500, 'the log of the service says what'));
  });
  return app;
}

/** A pattern in place of an address, so that metrics stay few. */
function routeOf(path: string): string {
  const route = path.replace(/^\/v1\/restorations\/[^/]+/, '/v1/restorations/:id');
  return /^\/(v1\/(restorations(\/:id(\/(events|result))?)?|batches|faces)|healthz|readyz|metrics|openapi\.json|docs)$/.test(
    route,
  )
    ? route
    : 'other';
}
