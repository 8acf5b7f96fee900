/** What a video file holds, as ffprobe tells it. */

import { z } from 'zod';
import { explainSystemError } from '../files/system-error.ts';
import { fileArgument, localOnly, runFfmpeg } from './ffmpeg.ts';

/** A fraction, such as 30000/1001 frames a second. */
interface Ratio {
  readonly numerator: number;
  readonly denominator: number;
}

export interface VideoInfo {
  /** index of the stream of pictures in the file */
  readonly stream: number;
  /** of the pictures as they are shown, upright */
  readonly width: number;
  readonly height: number;
  /** width of a pixel over its height, upright */
  readonly pixelAspect: Ratio;
  /** average frames a second */
  readonly frameRate: Ratio;
  /** seconds a tick of the file's clock */
  readonly timeBase: Ratio;
  /** undefined where the file does not tell */
  readonly durationSeconds: number | undefined;
  /** The duration is that of the pictures, not of the longest stream. */
  readonly statesOwnDuration: boolean;
  /** of the conversion from Y'CbCr to RGB: 'bt709', 'smpte170m' …; guessed from the size where not told */
  readonly colorMatrix: string;
  /** what the file says of its colours, for the result: `color_space`, `color_primaries` … */
  readonly colorTags: Readonly<Record<string, string>>;
  readonly audioStreams: number;
  /** how many the file says it has; undefined where it does not tell */
  readonly statedFrames: number | undefined;
  /** of the pictures, for the result: `language`, `title`, `timecode` */
  readonly tags: Readonly<Record<string, string>>;
  /** indices of streams that are still pictures, such as a cover */
  readonly covers: readonly number[];
  /** files inside it, such as fonts */
  readonly attachments: number;
  /** what the result will not have, or show otherwise */
  readonly notes: readonly string[];
}

const streamSchema = z.object({
  index: z.int(),
  codec_type: z.string().optional(),
  width: z.int().optional(),
  height: z.int().optional(),
  pix_fmt: z.string().optional(),
  sample_aspect_ratio: z.string().optional(),
  avg_frame_rate: z.string().optional(),
  r_frame_rate: z.string().optional(),
  time_base: z.string().optional(),
  duration: z.string().optional(),
  field_order: z.string().optional(),
  color_space: z.string().optional(),
  color_primaries: z.string().optional(),
  color_transfer: z.string().optional(),
  nb_frames: z.string().optional(),
  codec_tag_string: z.string().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  disposition: z.object({ attached_pic: z.int().optional() }).optional(),
  side_data_list: z.array(z.object({ rotation: z.number().optional() })).optional(),
});
const probeSchema = z.object({
  streams: z.array(streamSchema),
  format: z
    .object({ duration: z.string().optional(), tags: z.record(z.string(), z.string()).optional() })
    .optional(),
});
type Stream = z.infer<typeof streamSchema>;

const maxSide = 16384;

/**
 * @throws {Error} naming `file`, if it is no video, or FFmpeg is not there
 */
export async function probeVideo(file: string, signal?: AbortSignal): Promise<VideoInfo> {
  const args = ['-v', 'error', ...localOnly, '-print_format', 'json', '-show_streams', '-show_format'];
  try {
    const output = await runFfmpeg('ffprobe', [...args, fileArgument(file)], signal);
    const { streams, format } = probeSchema.parse(JSON.parse(output));
    const stream = streams.find(
      ({ codec_type, disposition }) => codec_type === 'video' && disposition?.attached_pic !== 1,
    );
    if (!stream) throw new Error('it has no moving pictures');
    return describe(stream, streams, format);
  } catch (error) {
    signal?.throwIfAborted();
    const problem = explainSystemError(error);
    if (/was not found/.test(problem)) throw error;
    throw new Error(`Cannot read ${file} as a video: ${problem}`, { cause: error });
  }
}

function describe(
  stream: Stream,
  streams: readonly Stream[],
  format: z.infer<typeof probeSchema>['format'],
): VideoInfo {
  const { width = 0, height = 0 } = stream;
  if (width < 1 || height < 1 || width > maxSide || height > maxSide)
    throw new RangeError(`its pictures are said to be ${width} x ${height}`);
  const rotation = stream.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0;
  const onItsSide = Math.abs(Math.round(rotation / 90)) % 2 === 1;
  const aspect = parseRatio(stream.sample_aspect_ratio, ':') ?? { numerator: 1, denominator: 1 };
  const ownDuration = parseClock(lowerCase(stream.tags)['duration']);
  const duration = Number(stream.duration ?? ownDuration ?? format?.duration ?? Number.NaN);
  const colorTags = Object.fromEntries(
    (['color_space', 'color_primaries', 'color_transfer'] as const).flatMap((name) => {
      const value = stream[name];
      return value === undefined || !/^[a-z0-9-]+$/.test(value) || value === 'unknown' ? [] : [[name, value]];
    }),
  );
  return {
    stream: stream.index,
    width: onItsSide ? height : width,
    height: onItsSide ? width : height,
    pixelAspect: onItsSide ? { numerator: aspect.denominator, denominator: aspect.numerator } : aspect,
    frameRate: parseRatio(stream.avg_frame_rate) ??
      parseRatio(stream.r_frame_rate) ?? { numerator: 25, denominator: 1 },
    timeBase: parseRatio(stream.time_base) ?? { numerator: 1, denominator: 90_000 },
    statesOwnDuration: stream.duration !== undefined || ownDuration !== undefined || streams.length === 1,
    durationSeconds: duration > 0 ? duration : undefined,
    colorMatrix: matrices.includes(colorTags['color_space'] ?? '')
      ? colorTags['color_space']!
      : height >= 720
        ? 'bt709'
        : 'smpte170m',
    colorTags,
    audioStreams: streams.filter(({ codec_type }) => codec_type === 'audio').length,
    statedFrames: Number(stream.nb_frames) || undefined,
    tags: tagsOf(stream, streams, format?.tags),
    covers: streams.filter(isCover).map(({ index }) => index),
    attachments: streams.filter(({ codec_type }) => codec_type === 'attachment').length,
    notes: [...listNotes(stream), ...listLostStreams(stream, streams)],
  };
}

function isCover({ codec_type, disposition }: Stream): boolean {
  return codec_type === 'video' && disposition?.attached_pic === 1;
}

/** Those that stay true of the result; the others tell how it was encoded. */
function tagsOf(
  stream: Stream,
  streams: readonly Stream[],
  fileTags: Stream['tags'],
): Readonly<Record<string, string>> {
  const found = lowerCase(stream.tags);
  const timecodes = [found, ...streams.map(({ tags }) => lowerCase(tags)), lowerCase(fileTags)];
  const all = {
    language: found['language'],
    title: found['title'],
    timecode: timecodes.find(({ timecode }) => timecode !== undefined)?.['timecode'],
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) =>
      value === undefined || value === 'und' ? [] : [[name, value]],
    ),
  );
}

function lowerCase(tags: Stream['tags'] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [name.toLowerCase(), value]));
}

function listLostStreams(stream: Stream, streams: readonly Stream[]): string[] {
  const others = streams.filter((one) => one.codec_type === 'video' && !isCover(one) && one !== stream);
  // The time code's track is made anew from its tag.
  const data = streams.filter((one) => one.codec_type === 'data' && one.codec_tag_string !== 'tmcd');
  return [
    ...(others.length > 0 ? [`further pictures left out: ${others.length} of its streams`] : []),
    ...(data.length > 0 ? [`data left out: ${data.length} of its streams`] : []),
  ];
}

/** What FFmpeg's scaler knows. */
const matrices = ['bt709', 'fcc', 'smpte170m', 'smpte240m', 'bt470bg', 'bt2020nc'];

function listNotes({
  pix_fmt = '',
  color_transfer = '',
  field_order = 'progressive',
  tags,
}: Stream): string[] {
  const notes: string[] = [];
  if (/p1[0-9](le|be)$|p1[0-9]$|48|64/.test(pix_fmt)) notes.push(`${pix_fmt} samples become 8-bit`);
  if (/^(smpte2084|arib-std-b67)$/.test(color_transfer))
    notes.push('HDR: the networks read its values as they are');
  if (/^(tt|bb|tb|bt)$/.test(field_order)) notes.push('interlaced: restored as it is, its lines mixed');
  if (/^(ya|rgba|bgra|argb|abgr|yuva|gbrap)/.test(pix_fmt) || lowerCase(tags)['alpha_mode'] === '1')
    notes.push('its transparency is left out');
  return notes;
}

/** Seconds of `00:01:02.5`. */
function parseClock(text: string | undefined): number | undefined {
  const parts = /^(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(text ?? '');
  return parts ? Number(parts[1]) * 3600 + Number(parts[2]) * 60 + Number(parts[3]) : undefined;
}

function parseRatio(text: string | undefined, separator = '/'): Ratio | undefined {
  const [numerator = 0, denominator = 0] = (text ?? '').split(separator).map(Number);
  return numerator > 0 && denominator > 0 ? { numerator, denominator } : undefined;
}
