#!/usr/bin/env node
/** The `interlcm` command, in a process whose memory suits networks. */

import { restartKeepingMemory } from '../platform/node/engine/kept-memory.ts';

await restartKeepingMemory();
await import('./commands.ts');
