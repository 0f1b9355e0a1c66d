/**
 * How far apart two versions' answers to the same input are: 0 for the same, 1 for nothing alike. Pure.
 *
 * Classes count as the same or not, whatever their scores. Everything else is compared number by number:
 * max |a - b| / max |a|, where a is the answer that was given.
 */
import { decodeFrame, type OutputType, type Tensor } from '#inference';

export interface Output {
  type: OutputType;
  bytes: Buffer;
}

/** Of larger outputs the first so many values are compared. */
const MAX_COMPARED = 65_536;

export function differenceOf(given: readonly Output[], other: readonly Output[]): number {
  if (given.length !== other.length) return 1;
  return Math.max(0, ...given.map((output, i) => between(output, other[i]!)));
}

function between(given: Output, other: Output): number {
  if (given.type !== other.type) return 1;
  if (given.type === 'json') return betweenJson(parsed(given.bytes), parsed(other.bytes));
  const [a, b] = [decodeFrame(given.bytes), decodeFrame(other.bytes)];
  return a.length === b.length ? Math.max(0, ...a.map((tensor, i) => betweenTensors(tensor, b[i]!))) : 1;
}

function betweenTensors(a: Tensor, b: Tensor): number {
  if (a.shape.join() !== b.shape.join()) return 1;
  const pairs = new Pairs();
  const length = Math.min(a.data.length, MAX_COMPARED);
  for (let i = 0; i < length; i++) pairs.add(a.data[i], b.data[i]);
  return pairs.difference;
}

function betweenJson(a: unknown, b: unknown): number {
  const [classA, classB] = [classOf(a), classOf(b)];
  if (classA !== undefined || classB !== undefined) return classA === classB ? 0 : 1;
  const pairs = new Pairs();
  walk(a, b, pairs);
  return pairs.difference;
}

/** The class of a classifier's answer, or of each of its list. */
function classOf(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const classes = value.map(classOf);
    return classes.length > 0 && classes.every((each) => each !== undefined) ? classes.join() : undefined;
  }
  const found = isObject(value) ? value['prediction'] : undefined;
  return typeof found === 'number' || typeof found === 'string' ? String(found) : undefined;
}

function walk(a: unknown, b: unknown, pairs: Pairs): void {
  if (pairs.full) return;
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length)
    return a.forEach((each, i) => walk(each, b[i], pairs));
  if (!isObject(a) || !isObject(b)) return pairs.add(a, b);
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return pairs.differ();
  for (const key of keys) walk(a[key], b[key], pairs);
}

/** The values of two answers, one pair after the other. */
class Pairs {
  private largest = 0;
  private size = 0;
  private count = 0;
  private unlike = false;

  get full(): boolean {
    return this.unlike || this.count >= MAX_COMPARED;
  }

  get difference(): number {
    if (this.unlike) return 1;
    return this.largest === 0 ? 0 : Math.min(1, this.largest / this.size);
  }

  differ(): void {
    this.unlike = true;
  }

  add(a: unknown, b: unknown): void {
    this.count++;
    const [x, y] = [numberOf(a), numberOf(b)];
    if (x === undefined || y === undefined) {
      if (a !== b) this.differ();
    } else if (!Object.is(x, y) && x !== y) {
      const apart = Math.abs(x - y);
      if (Number.isNaN(apart)) return this.differ();
      this.largest = Math.max(this.largest, apart);
    }
    if (x !== undefined) this.size = Math.max(this.size, Math.abs(x));
  }
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'bigint' ? Number(value) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString('utf8'));
}
