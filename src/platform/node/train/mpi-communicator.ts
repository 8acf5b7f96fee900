/** Trainers in processes that `mpirun` started, on one machine or several, add up their arrays by Open MPI. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { LibraryHandle } from 'koffi';
import type { Communicator } from '../../../train/communicator.ts';

export interface MpiCommunicator extends Communicator {
  /** To be called by all when they are done; without it `mpirun` takes the end of a process for a failure. */
  close(): Promise<void>;
}

/** Whether `mpirun` started this process as one of several. */
export const isMpiProcess = (environment: NodeJS.ProcessEnv = process.env): boolean =>
  Number(environment['OMPI_COMM_WORLD_SIZE'] ?? 1) > 1;

/** Elements a call: its counts are 32-bit. */
const pieceLength = 2 ** 24;
/** What MPI takes in place of a second buffer, where results come into the first. */
const inPlace = 1n;
const ignoreStatus = 0n;
const callFromOneThread = 1;

/**
 * The trainer that this process is.
 * @throws {Error} if koffi or Open MPI's library is missing, or the library does not start
 */
export async function openMpi(): Promise<MpiCommunicator> {
  const { default: koffi } = await import('koffi').catch((cause: unknown) => {
    throw new Error('Cannot train by MPI: the package koffi is missing. Install it: npm install koffi', {
      cause,
    });
  });
  const library = openLibrary(koffi);
  /** Calls that give an error code, 0 for none. */
  const declare = (name: string, parameters: string) => {
    const call = library.func(`int ${name}(${parameters})`);
    return (...args: unknown[]): void => {
      const code = call(...args) as number;
      if (code !== 0) throw new Error(`Cannot train by MPI: ${name} failed with code ${code}`);
    };
  };
  const handle = (symbol: string): bigint => koffi.address(library.symbol(symbol, 'char'));
  const world = handle('ompi_mpi_comm_world');
  const float = handle('ompi_mpi_float');
  const plus = handle('ompi_mpi_op_sum');

  const provided = new Int32Array(1);
  declare('MPI_Init_thread', 'void *, void *, int, int *')(null, null, callFromOneThread, provided);
  const ask = (name: string): number => {
    const result = new Int32Array(1);
    declare(name, 'uintptr_t, int *')(world, result);
    return result[0]!;
  };
  const startBarrier = declare('MPI_Ibarrier', 'uintptr_t, void *');
  const startSum = declare(
    'MPI_Iallreduce',
    'uintptr_t, void *, int, uintptr_t, uintptr_t, uintptr_t, void *',
  );
  const test = declare('MPI_Test', 'void *, int *, uintptr_t');
  const finalize = declare('MPI_Finalize', 'void');

  const request = new BigUint64Array(1);
  const isDone = new Int32Array(1);
  /** Waits for what was started: this thread serves signals and files meanwhile. */
  const finish = async (pause: (turn: number) => Promise<unknown>): Promise<void> => {
    for (let turn = 0; ; turn++) {
      test(request, isDone, ignoreStatus);
      if (isDone[0] !== 0) return;
      await pause(turn);
    }
  };
  /** Others may be long in coming: MPI's own waiting would take a core meanwhile. */
  const everyone = async (): Promise<void> => {
    startBarrier(world, request);
    await finish((turn) => (turn < 100 ? setImmediate() : setTimeout(1)));
  };
  return {
    rank: ask('MPI_Comm_rank'),
    size: ask('MPI_Comm_size'),
    async sum(data) {
      if (data.length > 0) await everyone();
      for (let start = 0; start < data.length; start += pieceLength) {
        const piece = data.subarray(start, start + pieceLength);
        startSum(inPlace, piece, piece.length, float, plus, world, request);
        await finish(() => setImmediate());
      }
    },
    async close() {
      await everyone();
      finalize();
    },
  };
}

const libraryNames = ['libmpi.so.40', 'libmpi.so', 'libmpi.40.dylib', 'libmpi.dylib'];

type Koffi = typeof import('koffi')['default'];

function openLibrary(koffi: Koffi): LibraryHandle {
  const causes: unknown[] = [];
  for (const name of libraryNames)
    try {
      return koffi.load(name);
    } catch (cause) {
      causes.push(cause);
    }
  throw new Error(
    `Cannot train by MPI: Open MPI's library (${libraryNames[0]}) was not found. Install Open MPI 4, such as Debian's openmpi-bin, or leave mpirun out`,
    { cause: causes[0] },
  );
}
