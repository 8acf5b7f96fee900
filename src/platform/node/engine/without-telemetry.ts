/**
 * Released builds of ONNX Runtime for Linux keep an identifier of the machine in the user's cache and report their use
 * to their makers, unless this is set before they are loaded. Photos were never part of that; nothing else should be.
 */

process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
