/**
 * The most that a file from elsewhere may ask for: far above what networks need, and little enough for any machine.
 * Whoever reads such a file takes its limits from here.
 */

const mebi = 2 ** 20;

export const fileLimits = {
  /** Bytes of a JSON file: a config, an index of shards, a list of tensors. */
  jsonBytes: 16 * mebi,
  /** Lists and objects within each other in such a file. */
  jsonDepth: 64,
  /** Bytes of a safetensors header; the format's own limit. */
  safetensorsHeaderBytes: 100_000_000,
  /** Notes in the header of a safetensors file. */
  metadataEntries: 10_000,
  tensors: 100_000,
  /** Axes of a tensor; PyTorch's own limit. */
  rank: 64,
  /** Files that the weights of one network are spread over. */
  shards: 1000,
  zip: { entries: 100_000, directoryBytes: 64 * mebi },
  pickle: {
    bytes: 64 * mebi,
    /** Opcodes, and items that they copy, together: what bounds the time. */
    work: 4_000_000,
    /** Lists, dictionaries, storages and tensors. */
    containers: 250_000,
    /** Items of all lists and dictionaries. */
    items: 1_000_000,
    stack: 1_000_000,
    marks: 1000,
    memo: 1_000_000,
  },
  onnx: {
    /** Bytes of the file; the format's own limit. */
    bytes: 2 ** 31 - 1,
    /** Nodes, those of inner graphs and functions included. */
    nodes: 100_000,
    /** Graphs within graphs. */
    depth: 8,
    /** Bytes of all weights together, those in other files included. */
    weightBytes: 8 * 1024 * mebi,
    /** Values of a tensor that is computed. */
    values: 2 ** 28,
    /** So many times a tensor may be repeated. */
    repeats: 2 ** 16,
  },
  /** Numbers of a network's config. */
  network: {
    /** Channels, features, tokens: the width of anything. */
    width: 32_768,
    /** Tokens that a text tower knows, and those of one text. */
    vocabulary: 1_000_000,
    tokens: 1024,
    /** Levels of resolution, each with half the side. */
    blocks: 8,
    /** Layers of a network that is one block. */
    layers: 64,
    /** Layers of each block. */
    layersOfBlock: 16,
    /** Side of an image, in pixels. */
    side: 4096,
  },
  /** Timesteps that a model was trained with. */
  timesteps: 100_000,
} as const;
