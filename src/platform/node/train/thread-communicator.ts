/** Trainers in threads of one process add up their arrays through memory that they share. */
import type { Communicator } from '../../../train/communicator.ts';

/** What {@link threadCommunicator} needs in each thread; can be sent to one. */
export interface SharedSums {
  /** How many have arrived, how many rounds there were, and whether a trainer has failed. */
  readonly control: Int32Array;
  /** Two sets of one piece a trainer: one is filled while the other may still be read. */
  readonly pieces: readonly (readonly Float32Array[])[];
}

const [arrived, rounds, failed] = [0, 1, 2];

/** Elements that are added up at a time: those of a few trainers stay in the processor's cache. */
const pieceLength = 2 ** 17;

/** Memory for `size` trainers. */
export function shareSums(size: number): SharedSums {
  const piece = (): Float32Array =>
    new Float32Array(new SharedArrayBuffer(pieceLength * Float32Array.BYTES_PER_ELEMENT));
  return {
    control: new Int32Array(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)),
    pieces: [0, 1].map(() => Array.from({ length: size }, piece)),
  };
}

/** Has every trainer that waits for others, or will, fail. */
export function failSums({ control }: SharedSums): void {
  Atomics.store(control, failed, 1);
  Atomics.notify(control, rounds);
}

/**
 * The trainer `rank` of those that share the memory. While it waits, its thread serves other things; something else
 * must keep the thread alive.
 */
export function threadCommunicator({ control, pieces }: SharedSums, rank: number): Communicator {
  const size = pieces[0]!.length;

  const everyone = async (): Promise<void> => {
    const round = Atomics.load(control, rounds);
    if (Atomics.add(control, arrived, 1) + 1 === size) {
      Atomics.store(control, arrived, 0);
      Atomics.add(control, rounds, 1);
      Atomics.notify(control, rounds);
    }
    while (Atomics.load(control, rounds) === round && Atomics.load(control, failed) === 0)
      await Atomics.waitAsync(control, rounds, round).value;
    if (Atomics.load(control, failed) !== 0) throw new Error('Cannot go on training: another worker failed');
  };

  let turn = 0;
  return {
    rank,
    size,
    async sum(data) {
      for (let start = 0; start < data.length; start += pieceLength) {
        const part = data.subarray(start, start + pieceLength);
        const all = pieces[turn]!;
        turn = 1 - turn;
        all[rank]!.set(part);
        await everyone();
        // Each adds up its share of the piece, always in the order of ranks, into the first one's.
        const [from, to] = [rank, rank + 1].map((share) => Math.floor((share * part.length) / size));
        addUp(all, from!, to!);
        await everyone();
        part.set(all[0]!.subarray(0, part.length));
      }
    },
  };
}

function addUp([first, ...others]: readonly Float32Array[], from: number, to: number): void {
  for (const other of others) for (let i = from; i < to; i++) first![i]! += other[i]!;
}
