/** A worker thread that trains along: the trainer of one rank, for `startRankThreads`. */
import { parentPort, workerData } from 'node:worker_threads';
import { createNodeRuntime } from '../engine/node-runtime.ts';
import { joinRun } from './join-run.ts';
import type { RankWorkerData } from './rank-threads.ts';
import { threadCommunicator } from './thread-communicator.ts';

const { folder, settings, sums, rank, threads } = workerData as RankWorkerData;
// Waiting for other trainers does not keep a thread alive; a port that listens does.
parentPort!.on('message', () => {});
const runtime = await createNodeRuntime({ device: 'cpu', threads });
await joinRun(folder, settings, { runtime, communicator: threadCommunicator(sums, rank) });
parentPort!.close();
