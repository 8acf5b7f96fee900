/**
 * TensorBoard's event files: records with checksums, each an Event of tensorflow's event.proto.
 * @see tensorflow/core/lib/io/record_writer.h and tensorflow/core/util/event.proto for the two formats
 */

import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { crc32c } from '../files/crc32c.ts';

/** What an event says. */
export type EventContent =
  /** Must come first in a file. */
  | { readonly kind: 'fileVersion' }
  /** A run starts here: what earlier files hold from this step on is void. */
  | { readonly kind: 'start' }
  | { readonly kind: 'scalars'; readonly values: Readonly<Record<string, number>> }
  | {
      readonly kind: 'image';
      readonly tag: string;
      readonly width: number;
      readonly height: number;
      /** 1 gray, 3 RGB, 4 RGBA */
      readonly channels: number;
      readonly png: Uint8Array;
    };

const FILE_VERSION = 'brain.Event:2';
/** SessionLog.SessionStatus.START */
const START = 1;

/** One record of an event file. */
export function encodeEventRecord(step: number, timeMs: number, content: EventContent): Uint8Array {
  return frameRecord(encodeEvent(step, timeMs, content));
}

/** Event, with Summary and SessionLog inside. Scalars are float32 there. */
function encodeEvent(step: number, timeMs: number, content: EventContent): Uint8Array {
  const event = new BinaryWriter();
  event.tag(1, WireType.Bit64).double(timeMs / 1000); // wall_time, in seconds
  event.tag(2, WireType.Varint).int64(step);
  switch (content.kind) {
    case 'fileVersion':
      event.tag(3, WireType.LengthDelimited).string(FILE_VERSION);
      break;
    case 'start':
      event.tag(7, WireType.LengthDelimited).fork();
      event.tag(1, WireType.Varint).int32(START).join();
      break;
    case 'scalars':
      event.tag(5, WireType.LengthDelimited).fork();
      for (const [tag, value] of Object.entries(content.values)) {
        event.tag(1, WireType.LengthDelimited).fork();
        event.tag(1, WireType.LengthDelimited).string(tag);
        event.tag(2, WireType.Bit32).float(Math.fround(value)).join();
      }
      event.join();
      break;
    case 'image':
      event.tag(5, WireType.LengthDelimited).fork();
      event.tag(1, WireType.LengthDelimited).fork();
      event.tag(1, WireType.LengthDelimited).string(content.tag);
      event.tag(4, WireType.LengthDelimited).fork();
      event.tag(1, WireType.Varint).int32(content.height);
      event.tag(2, WireType.Varint).int32(content.width);
      event.tag(3, WireType.Varint).int32(content.channels);
      event.tag(4, WireType.LengthDelimited).bytes(content.png);
      event.join().join().join();
      break;
  }
  return event.finish();
}

/** Length, its checksum, the data, its checksum. */
function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(8 + 4 + data.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** A checksum of bytes that hold checksums is weak, so it is rotated and offset. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
