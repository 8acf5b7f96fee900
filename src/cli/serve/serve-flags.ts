/** Flags of `serve` and `work`. */

import { choiceFlag, integerFlag, numberFlag, textFlag } from '../terminal/flag-types.ts';
import { modelFlags } from '../terminal/model-flags.ts';

const { threads, memory } = modelFlags;

/** Of everything that takes jobs out of a queue. */
export const workFlags = {
  checkpoint: {
    type: textFlag('--checkpoint', 'a folder'),
    placeholder: '<folder>',
    description: 'Folder of a model (default: the embedded one)',
  },
  threads,
  memory,
  processes: {
    type: integerFlag('--processes', 1, 256),
    placeholder: '<n>',
    description: 'Photos at a time, each in a process of its own with its own model (default: 1)',
  },
  data: {
    type: textFlag('--data', 'a folder'),
    placeholder: '<folder>',
    description:
      "Folder of jobs and pictures (default: the user's data folder); with --redis a folder that all machines share",
  },
  redis: {
    type: textFlag('--redis', 'an address'),
    placeholder: '<url>',
    description: 'Queue on Redis, shared with others: redis://host:6379',
  },
  s3: {
    type: textFlag('--s3', 'an address'),
    placeholder: '<url>',
    description: 'Pictures in a bucket in place of --data: s3://bucket/prefix?endpoint=https://host',
  },
  maxMegapixels: {
    type: numberFlag('--max-megapixels', 0.01, 1000),
    placeholder: '<n>',
    description: 'Most pixels of a photo, and of its result, in millions (default: 100)',
  },
  maxFaces: {
    type: integerFlag('--max-faces', 1, 10_000),
    placeholder: '<n>',
    description: 'Most faces of a photo (default: 100)',
  },
  timeout: {
    type: numberFlag('--timeout', 1, 86_400),
    placeholder: '<s>',
    description: 'Seconds that a job may take (default: 600)',
  },
  grace: {
    type: numberFlag('--grace', 0, 3600),
    placeholder: '<s>',
    description:
      'Seconds that jobs under way are waited for when it stops; then they are put back (default: 20)',
  },
  logLevel: {
    type: choiceFlag('--log-level', ['debug', 'info', 'warn', 'error', 'silent']),
    placeholder: '<level>',
    description: 'debug, info (default), warn, error or silent; lines of JSON on standard output',
  },
} as const;

export const serveFlags = {
  host: {
    type: textFlag('--host', 'an address'),
    placeholder: '<address>',
    description: 'Address to listen at (default: 127.0.0.1, which only this machine reaches)',
  },
  port: {
    type: integerFlag('--port', 0, 65_535),
    placeholder: '<n>',
    description: 'Port (default: 8787; 0: any that is free)',
  },
  keys: {
    type: textFlag('--keys', 'a file'),
    placeholder: '<file>',
    description: 'File of keys that clients need, one line each; see --new-key',
  },
  newKey: {
    type: textFlag('--new-key', 'the name of a client'),
    placeholder: '<client>',
    description: 'Only make a key: prints it, and the line for the file of keys',
  },
  withoutKeys: {
    type: Boolean,
    description: 'Let everybody in who reaches a --host beyond this machine',
  },
  acceptOnly: {
    type: Boolean,
    description: 'Restore nothing here: interlcm work does, over the same --redis',
  },
  ...workFlags,
  maxMegabytes: {
    type: numberFlag('--max-megabytes', 0.001, 1000),
    placeholder: '<n>',
    description: 'Most megabytes of a photo file (default: 50)',
  },
  maxQueued: {
    type: integerFlag('--max-queued', 1, 1_000_000),
    placeholder: '<n>',
    description: 'Photos that may wait (default: 500)',
  },
  maxPending: {
    type: integerFlag('--max-pending', 1, 1_000_000),
    placeholder: '<n>',
    description: 'Photos of one client that may wait or be worked on (default: 200)',
  },
  requestsPerMinute: {
    type: integerFlag('--requests-per-minute', 1, 1_000_000),
    placeholder: '<n>',
    description: 'Of one client, beyond this machine or with keys (default: 600)',
  },
  timeToLive: {
    type: numberFlag('--time-to-live', 0.01, 100_000),
    placeholder: '<min>',
    description: 'Minutes that photos and results are kept after they are done (default: 60)',
  },
} as const;
