import { expect, it } from 'vitest';
import { untilAborted } from './until-aborted.ts';

const never = new Promise<never>(() => {});
const reason = new Error('stopped');

it('is the work where nothing is aborted, its error too, and with no signal', async () => {
  const { signal } = new AbortController();
  expect(await untilAborted(Promise.resolve(7), signal)).toBe(7);
  expect(await untilAborted(Promise.resolve(7), undefined)).toBe(7);
  await expect(untilAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
});

it('ends with the reason as soon as the signal is aborted, before or meanwhile', async () => {
  await expect(untilAborted(Promise.resolve(7), AbortSignal.abort(reason))).rejects.toBe(reason);
  const controller = new AbortController();
  const waiting = untilAborted(never, controller.signal);
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});

it('waits a little longer for work that is nearly done', async () => {
  const aborted = AbortSignal.abort(reason);
  const soon = new Promise((resolve) => setTimeout(() => resolve('done'), 10));
  expect(await untilAborted(soon, aborted, 60_000)).toBe('done');
  const controller = new AbortController();
  const waiting = untilAborted(never, controller.signal, 10);
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});
