/** Progress of long work on a terminal: how far it is and how long it will take. */

import { fitColumns, printable } from './terminal-text.ts';

/** Where progress is written: `process.stderr`, or a test's list of strings. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

interface ProgressOptions {
  /** all of the work, in any unit: pictures, iterations, bytes */
  readonly total: number;
  /** milliseconds; for tests */
  readonly clock?: () => number;
}

const liveIntervalMs = 100;
const plainIntervalMs = 10_000;
/** Before this long an estimate is a guess. */
const estimateAfterMs = 1_000;

/**
 * On a terminal one line that changes in place; elsewhere (a log file, a CI run) a line when the label changes,
 * at most one in ten seconds. `line` writes lines that stay, in between.
 */
export class Progress {
  /** May shrink while work goes on, when some of it needs no doing. */
  total: number;
  readonly #stream: ProgressStream;
  readonly #clock: () => number;
  readonly #live: boolean;
  #start: { atMs: number; completed: number } | undefined;
  #writtenAtMs = Number.NEGATIVE_INFINITY;
  #writtenLabel = '';
  /** the line that is on the terminal now */
  #shown = '';

  constructor(stream: ProgressStream, { total, clock = () => performance.now() }: ProgressOptions) {
    this.#stream = stream;
    this.#clock = clock;
    this.#live = stream.isTTY === true && process.env['TERM'] !== 'dumb';
    this.total = total;
  }

  /**
   * @param completed 0..total, with fractions; the time left follows from the pace since the first call
   * @param label what is being done, e.g. '[2/7] photo.png: step 2 of 3'
   */
  update(completed: number, label: string): void {
    const now = this.#clock();
    this.#start ??= { atMs: now, completed };
    const sinceMs = now - this.#writtenAtMs;
    if (this.#live ? sinceMs < liveIntervalMs : sinceMs < plainIntervalMs || label === this.#writtenLabel)
      return;
    this.#writtenAtMs = now;
    this.#writtenLabel = label;
    const end = `, ${this.#percent(completed)}${this.#timeLeft(completed, now)}`;
    const line = printable(label);
    if (this.#live) this.#show(fitColumns(line, this.#columns() - end.length) + end);
    else this.#stream.write(`${line}${end}\n`);
  }

  /** Writes a line that stays. */
  line(text: string): void {
    const shown = this.#shown;
    this.#show('');
    this.#stream.write(`${printable(text)}\n`);
    this.#show(shown);
  }

  /** Takes the changing line away; `update` brings it back. */
  close(): void {
    this.#show('');
    this.#writtenAtMs = Number.NEGATIVE_INFINITY;
  }

  #show(text: string): void {
    if (!this.#live || text === this.#shown) return;
    // Carriage return, the text, erase to the end of the line.
    this.#stream.write(`\r${text}\x1b[K`);
    this.#shown = text;
  }

  /** Some terminals say 0 columns. The last one stays free: writing there may wrap. */
  #columns(): number {
    return (this.#stream.columns || 80) - 1;
  }

  #percent(completed: number): string {
    const fraction = this.total > 0 ? Math.min(Math.max(completed / this.total, 0), 1) : 1;
    return `${Math.floor(100 * fraction)} %`;
  }

  #timeLeft(completed: number, now: number): string {
    const { atMs, completed: before } = this.#start!;
    if (now - atMs < estimateAfterMs || completed <= before) return '';
    const leftMs = ((now - atMs) * Math.max(this.total - completed, 0)) / (completed - before);
    return `, ${formatDuration(leftMs)} left`;
  }
}

/** `0.4 s`, `8 s`, `1 min 20 s`, `2 h 05 min`: two or three digits that matter. */
export function formatDuration(ms: number): string {
  if (ms < 950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
