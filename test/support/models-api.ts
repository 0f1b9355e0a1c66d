/** The routes by which models are managed, as an operator calls them. */
import { ask, type Answer } from './http.js';

export class ModelsApi {
  constructor(
    private readonly url: string,
    private readonly headers: Record<string, string> = {},
  ) {}

  /** Registers an archive or a model file. */
  add(bytes: Buffer, query: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Answer> {
    const all = { 'content-type': 'application/octet-stream', ...this.headers, ...headers };
    return ask(`${this.url}/v1/models?${new URLSearchParams(query).toString()}`, { headers: all, body: bytes });
  }

  /** Registers what JSON says, and any other call with a body. */
  send(method: string, path: string, body: object): Promise<Answer> {
    const headers = { 'content-type': 'application/json', ...this.headers };
    return ask(`${this.url}/v1/models${path}`, { method, headers, body: JSON.stringify(body) });
  }

  call(method: string, path: string): Promise<Answer> {
    return ask(`${this.url}/v1/models${path}`, { method, headers: this.headers });
  }

  /** What its name alone means from now on. */
  async makeDefault(name: string, version: string): Promise<void> {
    expect((await this.send('PUT', `/${name}/default`, { version })).status).toBe(200);
  }

  async state(name: string, version: string): Promise<string | undefined> {
    return (await this.call('GET', `/${name}/versions/${version}`)).json.state;
  }
}
