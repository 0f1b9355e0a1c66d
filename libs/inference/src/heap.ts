/**
 * When and by how many V8 collects the heap of a process whose memory is mostly bodies, pictures and tensors.
 *
 * V8 sets its next limit by how fast objects are made on its own heap, but counts Buffers, which lie outside of it,
 * against that limit: a process that moves pictures collects everything for every 10 to 20 MB of them, many times a
 * second. Invariant: the heap may be this much larger than what lived after the last collection, Buffers included.
 */
import { setFlagsFromString } from 'node:v8';

/** Three times as much on top: a gateway of 30 MB may grow to 120 before it is collected. */
const GROWTH_PERCENT = 300;

/** To be called once, when a process begins. */
export function collectLargeGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}

/**
 * How a process of the service is started: with one helper for V8's collector and compiler in place of four. There are as
 * many processes as processors already, and helpers of each that collects would take them from those that answer: beside
 * a bulk run on two processors, p99 of callers fell from 96 to 58 ms. Images set it in NODE_OPTIONS.
 */
export const SERVICE_OPTIONS = ['--v8-pool-size=1'];
