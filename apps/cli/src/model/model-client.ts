/** The routes of a gateway that have to do with models. Each answers with the body as it came. */
import type { Readable } from 'node:stream';
import type { GatewayClient } from '../gateway-client.js';

export interface VersionName {
  name: string;
  version: string;
}

export interface Upload {
  /** A stream, and how many bytes it has. */
  body: Readable;
  length: number;
  type: string;
  fileName: string;
  name?: string | undefined;
  version?: string | undefined;
  /** It becomes the default once it is verified. */
  isDefault: boolean;
  isLoaded: boolean;
  /** How long the gateway may wait for the verification before it answers; 0 for not at all. */
  waitSeconds: number;
}

export class ModelClient {
  constructor(private readonly gateway: GatewayClient) {}

  register({ body, length, type, fileName, name, version, isDefault, isLoaded, waitSeconds }: Upload): Promise<string> {
    return this.gateway.text('/v1/models', {
      method: 'POST',
      query: { name, version, default: isDefault ? 'true' : undefined, load: isLoaded ? undefined : 'false' },
      headers: {
        'content-type': type,
        'content-length': String(length),
        'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(fileName)}`,
        ...(waitSeconds > 0 ? { prefer: `wait=${waitSeconds}` } : {}),
      },
      body,
    });
  }

  /** What a gateway has against a registration before it looks at the package; BODY_EMPTY where that is nothing. */
  registerNothing(): Promise<string> {
    return this.gateway.text('/v1/models', { method: 'POST' });
  }

  /** The models behind the one called `after`; a page of them. */
  list(after?: string): Promise<string> {
    return this.gateway.text('/v1/models', { query: { after } });
  }

  model(name: string): Promise<string> {
    return this.gateway.text(`/v1/models/${name}`);
  }

  version(of: VersionName): Promise<string> {
    return this.gateway.text(pathOf(of));
  }

  load(of: VersionName): Promise<string> {
    return this.gateway.text(`${pathOf(of)}/load`, { method: 'POST' });
  }

  unload(of: VersionName, isForced: boolean): Promise<string> {
    return this.gateway.text(`${pathOf(of)}/unload`, { method: 'POST', query: force(isForced) });
  }

  remove(of: VersionName, isForced: boolean): Promise<string> {
    return this.gateway.text(pathOf(of), { method: 'DELETE', query: force(isForced) });
  }

  setDefault({ name, version }: VersionName, isForced: boolean): Promise<string> {
    return this.gateway.text(`/v1/models/${name}/default`, { ...put({ version }), query: force(isForced) });
  }

  setAlias({ name, version }: VersionName, alias: string): Promise<string> {
    return this.gateway.text(`/v1/models/${name}/aliases/${alias}`, put({ version }));
  }

  removeAlias(name: string, alias: string): Promise<string> {
    return this.gateway.text(`/v1/models/${name}/aliases/${alias}`, { method: 'DELETE' });
  }
}

function pathOf({ name, version }: VersionName): string {
  return `/v1/models/${name}/versions/${version}`;
}

function force(isForced: boolean): { force?: string } {
  return isForced ? { force: 'true' } : {};
}

function put(body: object): { method: 'PUT'; headers: Record<string, string>; body: string } {
  return { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
