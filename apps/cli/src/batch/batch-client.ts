/** The bulk routes of a gateway. */
import type { GatewayClient } from '../gateway-client.js';

export interface BatchView {
  id: string;
  status: string;
  committed: number;
  rows: Record<'starting' | 'processing' | 'succeeded' | 'failed' | 'canceled' | 'aborted', number>;
}

export class BatchClient {
  constructor(private readonly gateway: GatewayClient) {}

  /** An open batch without rows; the same one for the same key. */
  create(wanted: { model: string; version?: string | undefined; key: string }): Promise<BatchView> {
    const { model, version, key } = wanted;
    return this.gateway.json('/v1/batches', {
      method: 'POST',
      query: { model, seal: 'false', version },
      headers: { 'idempotency-key': key },
    });
  }

  read(id: string): Promise<BatchView> {
    return this.gateway.json(`/v1/batches/${id}`);
  }

  append(id: string, from: number, lines: Buffer): Promise<BatchView> {
    return this.gateway.json(`/v1/batches/${id}/rows`, {
      method: 'POST',
      query: { from: String(from), seal: 'false' },
      headers: { 'content-type': 'application/jsonl' },
      body: lines,
    });
  }

  seal(id: string, from: number): Promise<BatchView> {
    return this.gateway.json(`/v1/batches/${id}/rows`, { method: 'POST', query: { from: String(from) } });
  }

  /** Lines of rows that have ended, from `row` to the first that has not. */
  async results(id: string, row: number): Promise<AsyncIterable<Buffer>> {
    const query = { from: String(row), ended: 'true' };
    return (await this.gateway.ask(`/v1/batches/${id}/results`, { query })).body;
  }
}
