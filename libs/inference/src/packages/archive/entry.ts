/** What the readers of archives are given, and what they hand on. */
import type { Meter } from './limits.js';

export interface ArchiveEntry {
  /** Its name as a checked path. */
  path: string[];
  /** To be read, or left, before the next entry is asked for; counted and checked on the way. */
  bytes: AsyncIterable<Uint8Array>;
}

export interface ReadOptions {
  /** Bytes of the archive. */
  size: number;
  meter: Meter;
}
