/** The service described as OpenAPI 3.1, from the schemas that its requests are checked with. */

import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { restorationOptionsSchema } from '../job/restoration-options.ts';
import { jobViewSchema } from './job-view.ts';
import { problemSchema } from './problem.ts';
import type { RequestVariables } from './restorations.ts';

const problems = {
  default: {
    description: 'What went wrong',
    content: { 'application/problem+json': { schema: problemSchema } },
  },
};
const picture = { 'image/*': { schema: z.string().openapi({ format: 'binary' }) } };
const photoBody = {
  required: true,
  content: {
    ...picture,
    'multipart/form-data': {
      schema: z.object({ photo: z.string().openapi({ format: 'binary' }) }).catchall(z.string()),
    },
  },
};
const id = z.object({ id: z.string().describe('of the restoration') });
const prefer = z.object({
  prefer: z.string().optional().describe('`wait` or `wait=SECONDS`: answer once it is done (RFC 7240)'),
});
const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema } },
});
const batchSchema = z.object({ restorations: z.array(jobViewSchema) }).openapi('Batch');
const facesSchema = jobViewSchema
  .pick({ width: true, height: true, faces: true, notes: true, seconds: true })
  .openapi('Faces');

/** Adds the descriptions, and `/openapi.json`, which gives them. */
export function addOpenApi(app: OpenAPIHono<RequestVariables>, version: string): void {
  const { openAPIRegistry: registry } = app;
  const query = z.object(restorationOptionsSchema.shape);
  const security: Record<string, string[]>[] = [{ key: [] }, {}];
  registry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
  registry.registerPath({
    method: 'post',
    path: '/v1/restorations',
    summary: 'Restore the faces of a photo',
    description:
      'The photo is the body, or a file in a form; options go into the query, or into fields of the form. With `Prefer: wait` and `Accept: image/*` the answer is the restored picture itself.',
    security,
    request: { query, headers: prefer, body: photoBody },
    responses: {
      200: {
        ...json('It is done, and was waited for', jobViewSchema),
        content: { 'application/json': { schema: jobViewSchema }, ...picture },
      },
      202: json('It is kept, and will be done', jobViewSchema),
      ...problems,
    },
  });
  registry.registerPath({
    method: 'post',
    path: '/v1/batches',
    summary: 'Restore several photos, each as a restoration of its own',
    security,
    request: { query, body: photoBody },
    responses: { 202: json('They are kept, in the order of the form', batchSchema), ...problems },
  });
  registry.registerPath({
    method: 'post',
    path: '/v1/faces',
    summary: 'Find the faces of a photo, and restore nothing',
    security,
    request: { query, headers: prefer, body: photoBody },
    responses: { 200: json('What was found', facesSchema), ...problems },
  });
  registry.registerPath({
    method: 'get',
    path: '/v1/restorations/{id}',
    summary: 'How a restoration stands',
    security,
    request: { params: id },
    responses: { 200: json('It', jobViewSchema), ...problems },
  });
  registry.registerPath({
    method: 'get',
    path: '/v1/restorations/{id}/events',
    summary: 'Follow a restoration',
    description:
      'Server-sent events named `restoration`, each with the restoration as it is, until it is finished.',
    security,
    request: { params: id },
    responses: {
      200: { description: 'Its changes', content: { 'text/event-stream': { schema: z.string() } } },
      ...problems,
    },
  });
  registry.registerPath({
    method: 'get',
    path: '/v1/restorations/{id}/result',
    summary: 'The restored photo',
    security,
    request: { params: id },
    responses: { 200: { description: 'The picture', content: picture }, ...problems },
  });
  registry.registerPath({
    method: 'delete',
    path: '/v1/restorations/{id}',
    summary: 'Delete a restoration and its pictures; stop it if it runs',
    security,
    request: { params: id },
    responses: { 204: { description: 'It is gone' }, ...problems },
  });
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'InterLCM',
      version,
      description: 'Blind face restoration. Photos and results are deleted after a while.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
  });
}
