/**
 * The weights of Pillow's bilinear filter with antialiasing: a triangle as wide as the shrink factor, normalised for
 * each output sample and rounded to 22-bit fixed point.
 *
 * The kernel multiplies 16-bit numbers and takes two taps at a time, so each pair of weights is stored as its upper
 * halves followed by its lower 11 bits; no precision is lost. Windows all have the same, even number of taps; those
 * that Pillow does not have weigh 0, and may lie behind the end of the source.
 */
export const WEIGHT_BITS = 22;
export const LOW_BITS = 11;

export interface Filter {
  /** First source sample of each output sample. */
  starts: Int32Array;
  /** For each output sample `taps / 2` groups of four: upper, upper, lower, lower. */
  weights: Int16Array;
  taps: number;
}

export interface Axis {
  /** Samples in the source, and in the whole resized picture. */
  source: number;
  resized: number;
  /** The part of the resized axis that is wanted. */
  from: number;
  count: number;
}

/** Cameras and clients send the same sizes again and again; weights of so many axes are kept, the oldest go first. */
const KEPT = 64;
const kept = new Map<string, Filter>();

export function bilinear(axis: Axis): Filter {
  const key = `${axis.source} ${axis.resized} ${axis.from} ${axis.count}`;
  const known = kept.get(key);
  if (known) return known;
  const made = weightsOf(axis);
  if (kept.size >= KEPT) kept.delete(kept.keys().next().value!);
  kept.set(key, made);
  return made;
}

function weightsOf({ source, resized, from, count }: Axis): Filter {
  const scale = source / resized;
  const support = Math.max(scale, 1);
  const windowOf = (i: number): { first: number; end: number; centre: number } => {
    const centre = (from + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    return { first, end: Math.min(source, Math.trunc(centre + support + 0.5)), centre };
  };
  let widest = 0;
  for (let i = 0; i < count; i++) widest = Math.max(widest, windowOf(i).end - windowOf(i).first);
  const taps = widest + (widest % 2);
  const starts = new Int32Array(count);
  const weights = new Int16Array(count * taps * 2);
  const triangle = new Float64Array(taps);
  for (let i = 0; i < count; i++) {
    const { first, end, centre } = windowOf(i);
    let sum = 0;
    for (let tap = 0; tap < end - first; tap++) {
      triangle[tap] = Math.max(0, 1 - Math.abs((first + tap - centre + 0.5) / support));
      sum += triangle[tap]!;
    }
    starts[i] = first;
    for (let tap = 0; tap < end - first; tap++) {
      const weight = Math.trunc((triangle[tap]! / sum) * 2 ** WEIGHT_BITS + 0.5);
      const at = (i * taps + (tap & ~1)) * 2 + (tap & 1);
      weights[at] = weight >> LOW_BITS;
      weights[at + 2] = weight & (2 ** LOW_BITS - 1);
    }
  }
  return { starts, weights, taps };
}
