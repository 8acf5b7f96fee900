/** ONNX Runtime's words, without what only its authors can use. */

/** Code of the error, then the source file, the line, the function and the condition that did not hold. */
const forAuthors = [
  /^\[ONNXRuntimeError\] : \d+ : \w+ : /,
  /^\S*\/onnxruntime\S*\.(?:cc|cpp|h|cu):\d+ .+? was false\. /s,
  /^\S*\/onnxruntime\S*\.(?:cc|cpp|h|cu):\d+ \S+\([^)]*\) /s,
];

/** The first line of a message, as far as it is for users. */
export function plainOrtMessage(message: string): string {
  const plain = forAuthors.reduce((text, pattern) => text.replace(pattern, ''), message);
  return plain.split('\n')[0]!.trim() || message;
}
