import { describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../src/platform/node/engine/node-runtime.ts';
import { expectedOfRuntime, observeRuntime } from './browser/runtime-contract.ts';

// The browser's is held to the same contract in browser.test.ts.
describe("Node's runtime", () => {
  it('keeps the contract of runtimes', async () => {
    const runtime = await createNodeRuntime({ device: 'cpu' });
    expect(runtime.device).toBe('cpu');
    expect(runtime.reason).not.toBe('');
    expect(await observeRuntime(runtime)).toEqual(expectedOfRuntime);
  });
});
