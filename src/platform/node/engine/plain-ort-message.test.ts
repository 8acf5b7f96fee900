import { expect, it } from 'vitest';
import { plainOrtMessage } from './plain-ort-message.ts';

it.each([
  [
    '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const Config&) status == wgpu::WaitStatus::Success && adapter was false. Failed to get a WebGPU adapter: no adapters\n',
    'Failed to get a WebGPU adapter: no adapters',
  ],
  [
    '[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Load model from a.onnx failed:Protobuf parsing failed.',
    'Load model from a.onnx failed:Protobuf parsing failed.',
  ],
  [
    'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library',
    'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library',
  ],
  ['bad allocation', 'bad allocation'],
])('%s', (message, plain) => {
  expect(plainOrtMessage(message)).toBe(plain);
});
