import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const name = 'ORT_DISABLE_TELEMETRY';
const seen = vi.hoisted(() => [] as (string | undefined)[]);
vi.mock('onnxruntime-node', () => {
  seen.push(process.env['ORT_DISABLE_TELEMETRY']);
  return { default: {} };
});

let before: string | undefined;
beforeEach(() => {
  before = process.env[name];
  delete process.env[name];
  seen.length = 0;
  vi.resetModules();
});
afterEach(() => {
  delete process.env[name];
  if (before !== undefined) process.env[name] = before;
});

it('is set before ONNX Runtime is loaded', async () => {
  await import('./node-runtime.ts');
  expect(seen).toEqual(['1']);
});

it('leaves what the user has set', async () => {
  process.env[name] = '0';
  await import('./without-telemetry.ts');
  expect(process.env[name]).toBe('0');
});
