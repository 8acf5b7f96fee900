import { describe, expect, it } from 'vitest';
import { formatDuration, Progress } from './progress.ts';

function record(options: { isTTY: boolean; columns?: number }) {
  const written: string[] = [];
  const time = { ms: 0 };
  const stream = { ...options, write: (text: string) => written.push(text) };
  const progress = new Progress(stream, { total: 4, clock: () => time.ms });
  return { written, time, progress };
}

describe('Progress on a terminal', () => {
  it('keeps one line up to date, with the time left by the pace so far', () => {
    const { written, time, progress } = record({ isTTY: true });
    time.ms = 5000;
    progress.update(0, 'a.png: reading');
    time.ms = 7000;
    progress.update(0.5, 'a.png: step 1');
    time.ms = 25_000;
    progress.update(1, 'b.png: reading');
    expect(written).toEqual([
      '\ra.png: reading, 0 %\x1b[K',
      '\ra.png: step 1, 12 %, 14 s left\x1b[K',
      '\rb.png: reading, 25 %, 1 min 00 s left\x1b[K',
    ]);
  });

  it('writes at most every tenth of a second', () => {
    const { written, time, progress } = record({ isTTY: true });
    for (time.ms = 0; time.ms < 1000; time.ms += 10) progress.update(time.ms / 1000, 'work');
    expect(written).toHaveLength(10);
  });

  it('puts lines that stay above the changing one', () => {
    const { written, progress } = record({ isTTY: true });
    progress.update(1, 'b.png');
    progress.line('a.png done');
    progress.close();
    progress.line('end');
    expect(written.join('')).toBe('\rb.png, 25 %\x1b[K\r\x1b[Ka.png done\n\rb.png, 25 %\x1b[K\r\x1b[Kend\n');
  });

  it('cuts the label, not the figures, to the width', () => {
    const { written, progress } = record({ isTTY: true, columns: 20 });
    progress.update(2, 'a long name of a picture.png');
    expect(written).toEqual(['\ra long name …, 50 %\x1b[K']);
    const unknown = record({ isTTY: true, columns: 0 });
    unknown.progress.update(2, 'photo.png');
    expect(unknown.written).toEqual(['\rphoto.png, 50 %\x1b[K']);
  });

  it('lets no file name steer the terminal or break the line', () => {
    const { written, progress } = record({ isTTY: true });
    progress.update(2, 'a\x1b[2J\nb.png');
    expect(written).toEqual(['\ra?[2J?b.png, 50 %\x1b[K']);
  });

  it('counts work that was there before, and a total that shrinks', () => {
    const { written, time, progress } = record({ isTTY: true });
    progress.update(2, 'resumed');
    time.ms = 10_000;
    progress.update(3, 'going on');
    progress.total = 3;
    time.ms = 11_000;
    progress.update(3, 'no more');
    expect(written.slice(1)).toEqual([
      '\rgoing on, 75 %, 10 s left\x1b[K',
      '\rno more, 100 %, 0.0 s left\x1b[K',
    ]);
  });
});

describe('Progress in a file', () => {
  it('writes a line when the label changes, at most every ten seconds', () => {
    const { written, time, progress } = record({ isTTY: false });
    for (time.ms = 0; time.ms <= 40_000; time.ms += 1000)
      progress.update(time.ms / 20_000, time.ms < 25_000 ? 'first' : 'second');
    progress.line('end');
    progress.close();
    expect(written).toEqual(['first, 0 %\n', 'second, 31 %, 55 s left\n', 'end\n']);
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0.0 s'],
    [420, '0.4 s'],
    [950, '1 s'],
    [59_400, '59 s'],
    [59_600, '1 min 00 s'],
    [80_000, '1 min 20 s'],
    [3_599_600, '1 h 00 min'],
    [7_500_000, '2 h 05 min'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
