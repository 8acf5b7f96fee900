/** Text for a terminal: nothing in it may steer the terminal, and a line must fit. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/**
 * `text` as one line: `?` stands for control characters, which a file name may hold, line ends among them, and for marks
 * that turn its direction. So no name can begin a line of its own.
 */
export function printable(text: string): string {
  return text.replace(controls, '?');
}

/** {@link printable} of a message whose further lines are indented by two spaces or more; other line ends are none. */
export function printableMessage(text: string): string {
  return text
    .split(/\n(?= {2})/)
    .map(printable)
    .join('\n');
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const zeroWidth = /\p{Mn}|\p{Me}|\u200b|\u200c|\u200d/u;

/** Columns that one character takes. */
function characterColumns(character: string): number {
  if (zeroWidth.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** `text`, cut with an ellipsis where it has more than `columns` columns. */
export function fitColumns(text: string, columns: number): string {
  let used = 0;
  let kept = '';
  let room = '';
  for (const character of text) {
    used += characterColumns(character);
    if (used > columns) return columns > 0 ? `${room}…` : '';
    kept += character;
    // What still fits with the ellipsis after it.
    if (used < columns) room = kept;
  }
  return text;
}
