/** What every communicator must do: run by each of its ranks, in a worker thread or under mpirun. Exits by throwing. */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { anyOf, sumByName, takeFromFirst } from '../dist/train/communicator.js';

/** Numbers of a rank whose sum depends on the order in which they are added. */
const numbers = (rank, length) => Float32Array.from({ length }, (_, i) => Math.sin(i + 1) * 10 ** (rank % 3));

async function checkContract(communicator) {
  const { rank, size } = communicator;
  const ranks = Array.from({ length: size }, (_, i) => i);
  assert.ok(size >= 2 && rank >= 0 && rank < size);

  // Of any length, also of none, of several pieces, and of fewer elements than ranks.
  for (const length of [0, 1, 5, 2 ** 17, 3 * 2 ** 17 + 7]) {
    const data = numbers(rank, length);
    await communicator.sum(data);
    const exact = Float64Array.from({ length }, (_, i) =>
      ranks.reduce((sum, other) => sum + Math.fround(Math.sin(i + 1) * 10 ** (other % 3)), 0),
    );
    assert.ok(data.every((value, i) => Math.abs(value - exact[i]) <= 1e-6 * size * 100));

    // The same numbers give the same bits, to everyone: what is everyone's is what is rank 0's.
    const again = numbers(rank, length);
    await communicator.sum(again);
    assert.deepEqual(again, data);
    const first = data.slice();
    await takeFromFirst(communicator, [first]);
    assert.deepEqual(first, data);
  }

  // A view adds up its own part only.
  const whole = Float32Array.of(7, rank, 7);
  await communicator.sum(whole.subarray(1, 2));
  assert.deepEqual([...whole], [7, (size * (size - 1)) / 2, 7]);

  // Many rounds, ranks out of step.
  for (let round = 0; round < 50; round++) {
    if (round % size === rank) await new Promise((resolve) => setTimeout(resolve, 1));
    const data = Float32Array.of(round, rank);
    await communicator.sum(data);
    assert.deepEqual([...data], [round * size, (size * (size - 1)) / 2]);
  }

  for (const who of ranks) assert.equal(await anyOf(communicator, rank === who), true);
  assert.equal(await anyOf(communicator, false), false);

  const named = new Map([
    ['a', rank],
    ['b', 1],
  ]);
  await sumByName(communicator, named);
  assert.deepEqual(
    [...named],
    [
      ['a', (size * (size - 1)) / 2],
      ['b', size],
    ],
  );

  const state = [Float32Array.of(rank + 1.5, -0.25 * rank), new Float32Array(3).fill(rank)];
  await takeFromFirst(communicator, state);
  assert.deepEqual(
    state.map((data) => [...data]),
    [
      [1.5, 0],
      [0, 0, 0],
    ],
  );
}

if (parentPort) {
  parentPort.on('message', () => {});
  const { threadCommunicator } = await import('../dist/platform/node/train/thread-communicator.js');
  await checkContract(threadCommunicator(workerData.sums, workerData.rank));
  parentPort.close();
} else {
  const { openMpi } = await import('../dist/platform/node/train/mpi-communicator.js');
  const communicator = await openMpi();
  await checkContract(communicator);
  await communicator.close();
  console.log(`rank ${communicator.rank} of ${communicator.size} agrees`);
}
