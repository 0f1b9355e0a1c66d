/**
 * Judges where the nodes of a graph lie: what is counted as falling back to the CPU, and what is refused for it.
 *
 * Shape arithmetic is no fall back. onnxruntime keeps on the CPU what it computes from tensors' sizes, in nearly every
 * model with a free batch axis, because sending a handful of integers to a device costs more than adding them up.
 */
import type { Placement } from '../../contract/placement.js';
import type { ProfiledNode, TensorForm } from './trial-profile.js';

type Counted = Extract<Placement, { kind: 'counted' }>;

/** Longest vector that still counts as sizes. No tensor has so many axes, but sizes of several may be put together. */
const MAX_SIZES = 64;
const INTEGERS = new Set(['bool', 'int32', 'int64']);
const SIZE_OPERATORS = new Set(['Shape', 'Size']);

export function placementOf(nodes: readonly ProfiledNode[]): Counted {
  const counted: Counted = { kind: 'counted', nodes: {}, fallback: {} };
  for (const node of nodes) {
    count(counted.nodes, node.provider);
    if (node.provider === 'cpu' && !computesShapes(node)) count(counted.fallback, node.operator);
  }
  return counted;
}

/** Why a model lies wrong for a worker that was told to use `providers`; undefined when it may be served. */
export function refusalOf(placement: Placement, providers: readonly string[]): string | undefined {
  if (placement.kind === 'cpu') return undefined;
  const wanted = providers.filter((provider) => provider !== 'cpu').join(', ');
  const advice =
    'Set SLUICE_CPU_FALLBACK=true to serve it all the same, or change the model to operators that the provider has' +
    ' (docs/gpu.md).';
  if (placement.kind === 'uncounted') {
    if (placement.cpuFree) return undefined;
    return (
      `onnxruntime puts some nodes of this model on the CPU although ${wanted} was asked for;` +
      ` which ones cannot be told, because a trial run on zeros fails. ${advice}`
    );
  }
  const { nodes, fallback } = placement;
  const total = sum(nodes);
  if (total === (nodes['cpu'] ?? 0) && total > 0) {
    return `All ${total} nodes of this model run on the CPU although ${wanted} was asked for. ${advice}`;
  }
  const fallen = sum(fallback);
  if (fallen === 0) return undefined;
  const operators = Object.entries(fallback)
    .sort(([, a], [, b]) => b - a)
    .map(([operator, times]) => (times === 1 ? operator : `${times} × ${operator}`));
  return `${fallen} of ${total} nodes of this model run on the CPU although ${wanted} was asked for: ${operators.join(', ')}. ${advice}`;
}

function computesShapes({ operator, tensors }: ProfiledNode): boolean {
  return SIZE_OPERATORS.has(operator) || (tensors.length > 0 && tensors.every(isSizes));
}

/** A single number of any numeric type, or a short vector of integers. */
function isSizes({ type, shape }: TensorForm): boolean {
  if (type === 'string') return false;
  if (shape.length === 0) return true;
  return shape.length === 1 && shape[0]! <= MAX_SIZES && INTEGERS.has(type);
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, times) => total + times, 0);
}
