#!/usr/bin/env node
/** The `interlcm` command, in a process whose memory suits networks. */

import { restartKeepingMemory } from '../platform/node/engine/kept-memory.ts';

// Whoever asks for the least memory has what is given back go back to the system.
const leastMemory = /(^| )--memory[ =:.]low( |$)/.test(process.argv.slice(2).join(' '));
if (!leastMemory) await restartKeepingMemory();
await import('./commands.ts');
