/** Rows of cells as text: for the terminal, in Markdown, as CSV. */

/** The first column to the left, the others to the right. */
export function alignCells(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/** A table in Markdown. @param rows the header first */
export function markdownRows([header, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return [line(header!), line(header!.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('');
}

/** `mean [low, high]` */
export function formatInterval(mean: number, low: number, high: number, digits: number): string {
  return `${mean.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
}

/** A line of CSV, with its end. */
export function csvLine(cells: readonly (string | number | boolean)[]): string {
  const quoted = cells.map((cell) => {
    const text = `${cell}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${quoted.join(',')}\n`;
}
