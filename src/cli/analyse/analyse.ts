/** `interlcm analyse`: looks into the states of samplers, as the paper's figures 1 and 4 do. */
import { command } from 'cleye';
import { rejectUnknownFlags } from '../terminal/flag-types.ts';
import { interruptSignal } from '../terminal/interruption.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { analyseDetails, analyseFlags } from './analyse-flags.ts';

export const analyseCommand = command(
  {
    name: 'analyse',
    parameters: ['[what]', '[states...]'],
    flags: analyseFlags,
    help: {
      description:
        "Look into a sampler's states: what stays the same from step to step, what a photo is closest to",
      render: (nodes, renderers) =>
        renderers.render([...nodes, { type: 'section', data: { title: 'Details:', body: analyseDetails } }]),
      examples: [
        'interlcm analyse consistency lcm=states/clean turbo=turbo/noisy',
        'interlcm analyse consistency --lq faces/',
        'interlcm analyse states --lq faces/ --checkpoint weights --text "a photo of a face"',
      ],
    },
  },
  async (parsed) => {
    rejectUnknownFlags(parsed.unknownFlags, Object.keys(analyseFlags));
    const { what, states } = parsed._;
    const environment = { stdout: process.stdout, stderr: process.stderr, signal: interruptSignal() };
    switch (what) {
      case 'consistency': {
        const { runConsistency } = await import('./run-consistency.ts');
        return runConsistency(states, parsed.flags, environment);
      }
      case 'states': {
        if (states.length > 0) throw new UsageError('analyse states takes its pictures by --lq');
        const { runStates } = await import('./run-states.ts');
        return runStates(parsed.flags, environment);
      }
      default:
        throw new UsageError('analyse needs consistency or states after it; see analyse --help');
    }
  },
);
