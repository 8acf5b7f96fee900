/** The frames of a video, one after another; there is never more than one in memory. */

import type { BytePixels } from '../../../image/pixels.ts';
import { fileArgument, localOnly, startFfmpeg } from './ffmpeg.ts';
import type { VideoInfo } from './video-probe.ts';

export interface VideoFrame {
  /** 0, 1, 2 … in the order in which they are shown */
  readonly index: number;
  /** when it is shown, in microseconds since the beginning of the file */
  readonly timeUs: number;
  /** RGB, upright; overwritten when the next frame is asked for */
  readonly pixels: BytePixels;
}

interface ReadFramesOptions {
  readonly signal?: AbortSignal;
  /** frames before this one are decoded, but not given */
  readonly firstFrame?: number;
  /** Told of each fault in the file, in FFmpeg's words. */
  readonly onFault?: (line: string) => void;
}

/**
 * Decodes a video.
 * @throws {Error} naming `file`, if it cannot be decoded at all; damage inside costs frames. The signal's reason
 */
export async function* readFrames(
  file: string,
  { width, height, stream, colorMatrix, frameRate }: VideoInfo,
  { signal, firstFrame = 0, onFault }: ReadFramesOptions = {},
): AsyncGenerator<VideoFrame> {
  signal?.throwIfAborted();
  const times = new FrameTimes((1e6 * frameRate.denominator) / frameRate.numerator, firstFrame);
  const filters = [
    ...(firstFrame > 0 ? [`select=gte(n\\,${firstFrame})`] : []),
    'showinfo=checksum=0',
    `scale=in_color_matrix=${colorMatrix}:flags=bicubic+accurate_rnd+full_chroma_int`,
    'format=rgb24',
  ];
  const child = startFfmpeg(
    'ffmpeg',
    [
      ...['-nostdin', '-nostats', '-loglevel', 'level+info', ...localOnly, '-i', fileArgument(file)],
      ...[
        '-map',
        `0:${stream}`,
        '-vf',
        filters.join(','),
        '-fps_mode',
        'passthrough',
        '-f',
        'rawvideo',
        'pipe:1',
      ],
    ],
    (line) => {
      times.read(line);
      if (/\[(error|fatal)\]/.test(line)) onFault?.(line);
    },
  );
  child.stdin.end();
  void child.ended.catch(() => {}).finally(() => times.close());
  const stop = (): void => child.kill();
  signal?.addEventListener('abort', stop, { once: true });
  let count = 0;
  try {
    const data = new Uint8Array(width * height * 3);
    let filled = 0;
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      for (let taken = 0; taken < chunk.length; ) {
        const part = chunk.subarray(taken, taken + data.length - filled);
        data.set(part, filled);
        filled += part.length;
        taken += part.length;
        if (filled < data.length) continue;
        const timeUs = await times.of(count);
        // What lies in the pipe already would keep coming.
        signal?.throwIfAborted();
        yield { index: firstFrame + count, timeUs, pixels: { width, height, channels: 3, data } };
        filled = 0;
        count++;
      }
    }
    await child.ended;
    if (filled > 0) throw new Error('its last frame is not whole');
  } catch (error) {
    signal?.throwIfAborted();
    const problem = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot decode ${file} beyond frame ${firstFrame + count}: ${problem}`, { cause: error });
  } finally {
    signal?.removeEventListener('abort', stop);
    child.kill();
  }
}

/** Times of frames, from what FFmpeg's showinfo filter writes. They may come after the frames themselves. */
class FrameTimes {
  #timeBase = { numerator: 1, denominator: 1 };
  readonly #times = new Map<number, number>();
  readonly #waiting = new Map<number, () => void>();
  /** shown for so long where the file does not tell */
  readonly #frameUs: number;
  readonly #firstFrame: number;
  #count = 0;
  #closed = false;

  constructor(frameUs: number, firstFrame: number) {
    this.#frameUs = frameUs;
    this.#firstFrame = firstFrame;
  }

  read(line: string): void {
    const base = /showinfo.*config in time_base: (\d+)\/(\d+)/.exec(line);
    if (base) this.#timeBase = { numerator: Number(base[1]), denominator: Number(base[2]) };
    const frame = /showinfo.* n: *\d+ pts: *(-?\d+|NOPTS)/.exec(line);
    if (!frame) return;
    const { numerator, denominator } = this.#timeBase;
    const index = this.#count++;
    const ticks = Number(frame[1]);
    if (Number.isSafeInteger(ticks))
      this.#times.set(index, Math.round((1e6 * ticks * numerator) / denominator));
    else this.#times.set(index, this.#estimate(index));
    this.#waiting.get(index)?.();
    this.#waiting.delete(index);
  }

  /** No line will come any more. */
  close(): void {
    this.#closed = true;
    for (const wake of this.#waiting.values()) wake();
  }

  /** @param index counted from the first frame given */
  async of(index: number): Promise<number> {
    if (!this.#times.has(index) && !this.#closed)
      await new Promise<void>((resolve) => this.#waiting.set(index, resolve));
    const time = this.#times.get(index) ?? this.#estimate(index);
    this.#times.delete(index);
    return Math.max(time, 0);
  }

  #estimate(index: number): number {
    return Math.round((this.#firstFrame + index) * this.#frameUs);
  }
}
