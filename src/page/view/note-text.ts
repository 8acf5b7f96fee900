import type { PhotoNote } from '../bridge/messages.ts';
import type { Words } from '../words/words.ts';

export function noteText(note: PhotoNote, { controls }: Words): string {
  const write = controls.notes[note.kind] as (note: PhotoNote) => string;
  return write(note);
}
