/**
 * A model as large and as slow as is wanted: `layers` matrix products of `width` by `width` in a row, rows apart. Written
 * out by hand, field by field (onnx.proto), so that it takes no exporter.
 */
type Field = [number: number, content: number | string | Uint8Array];

/** Its file is about 4 x layers x width^2 bytes, and a row costs as many half operations. */
export function matMulModel({ width, layers }: { width: number; layers: number }): Buffer {
  const names = Array.from({ length: layers + 1 }, (_, layer) => (layer === 0 ? 'x' : `y${layer}`));
  const nodes = names.slice(1).map((output, layer): Field => {
    return [1, message([1, names[layer]!], [1, `w${layer}`], [2, output], [4, 'MatMul'])];
  });
  const weights = nodes.map((_, layer): Field => {
    // onnxruntime keeps equal weights once.
    const values = new Float32Array(width * width).fill((1 + layer / 64) / width);
    const bytes = new Uint8Array(values.buffer);
    return [5, message([1, width], [1, width], [2, 1], [8, `w${layer}`], [9, bytes])];
  });
  const graph = message(...nodes, ...weights, [11, rows('x', width)], [12, rows(names.at(-1)!, width)]);
  return message([1, 8], [7, graph], [8, message([1, ''], [2, 13])]);
}

/** A value of any number of rows. */
function rows(name: string, width: number): Buffer {
  const shape = message([1, message([2, 'N'])], [1, message([1, width])]);
  return message([1, name], [2, message([1, message([1, 1], [2, shape])])]);
}

/** A message of protobuf: numbers as varints, texts and messages with their length before them. */
function message(...fields: Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, content]) => {
      if (typeof content === 'number') return [varint(number * 8), varint(content)];
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      return [varint(number * 8 + 2), varint(bytes.length), bytes];
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}
