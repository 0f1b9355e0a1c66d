/** Bulk runs one after another beside other load. */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadWorkerConfig } from '#inference';
import { metricsOf, sumOf } from '../processes/metrics.js';

const LOOK_MS = 250;
const PIECE_BYTES = 65_536;

export interface BulkLoadOptions {
  base: string;
  model: string;
  /** Of each run. */
  rows: number;
  /** What each row is. */
  line: string;
}

export class BulkLoad {
  private readonly batches: string[] = [];
  /** Whole lines, as many as a piece of the upload takes. */
  private readonly piece: Buffer;
  private readonly linesOfPiece: number;
  private stopping: AbortController | undefined;
  private loop: Promise<void> = Promise.resolve();

  constructor(private readonly options: BulkLoadOptions) {
    this.linesOfPiece = Math.max(1, Math.floor(PIECE_BYTES / options.line.length));
    this.piece = Buffer.from(options.line.repeat(this.linesOfPiece));
  }

  async start(): Promise<void> {
    const stopping = new AbortController();
    this.stopping = stopping;
    this.loop = this.keepUp(stopping.signal, await this.begin());
  }

  async stop(): Promise<void> {
    this.stopping?.abort();
    await this.loop;
    for (const id of this.batches.splice(0))
      await fetch(`${this.options.base}/v1/batches/${id}/cancel`, { method: 'POST' });
  }

  /** What the learned line and the setting allow. */
  async longestRunMs(): Promise<number> {
    const { bulkRunMs } = loadWorkerConfig({});
    const { base, model } = this.options;
    const metrics = await metricsOf(base);
    const of = (name: string): number => sumOf(metrics, name, `model="${model}"`);
    const one = of('sluice_latency_alpha_ms') + of('sluice_latency_beta_ms');
    return Math.max(bulkRunMs, one);
  }

  private async keepUp(signal: AbortSignal, first: string): Promise<void> {
    let id = first;
    while (!signal.aborted) {
      const { rows: counts } = await this.read(id);
      // The next is begun while half of the rows are to be run, so that they never run out during its upload.
      if (counts.starting < this.options.rows / 2) id = await this.begin();
      await sleep(LOOK_MS);
    }
  }

  private async begin(): Promise<string> {
    const { base, model } = this.options;
    const id = await this.post(`${base}/v1/batches?model=${model}&seal=false`);
    this.batches.push(id);
    // In pieces: of a hundred megabytes in one, fetch makes a copy, which takes a processor from what is measured.
    const body = ReadableStream.from(this.pieces());
    await this.post(`${base}/v1/batches/${id}/rows?from=0`, { body, duplex: 'half' });
    return id;
  }

  private *pieces(): Generator<Uint8Array> {
    const { piece, linesOfPiece, options } = this;
    const lineBytes = piece.length / linesOfPiece;
    for (let left = options.rows; left > 0; left -= linesOfPiece) {
      yield left < linesOfPiece ? piece.subarray(0, left * lineBytes) : piece;
    }
  }

  private async post(url: string, body: RequestInit = {}): Promise<string> {
    const headers = { 'content-type': 'application/jsonl' };
    const response = await fetch(url, { method: 'POST', headers, ...body });
    const { id, detail } = (await response.json()) as { id?: string; detail?: string };
    if (id === undefined || !response.ok) throw new Error(`The bulk run was refused: ${detail}`);
    return id;
  }

  private async read(id: string): Promise<{ rows: { starting: number } }> {
    return (await (await fetch(`${this.options.base}/v1/batches/${id}`)).json()) as never;
  }
}
