/** Names in a row for an error, `a, b and 7 more` where there are more than `most`. */
export function listNames(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
