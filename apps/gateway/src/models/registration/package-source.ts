/**
 * From the request of a registration to where the package is: its own body, the inbox of the store, or a URL.
 *
 * Invariant: of the disk only the inbox can be named, and nothing that a link in it leads to.
 */
import type { FastifyRequest } from 'fastify';
import { lstat, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { SluiceError, type PackageSource } from '#inference';
import type { GatewayContext } from '../../context.js';
import { bodyStream } from '../../http/body-stream.js';
import { parseJson } from '../../http/parse-json.js';
import { MAX_CONTROL_BYTES, mediaType, packageTooLarge } from '../../http/predict-gate.js';
import { RemotePackages } from './remote-packages.js';

/** Below the store. */
const INBOX = 'inbox';
/** Folders and names without a leading dot, which leaves nothing that leads elsewhere. */
const INNER_PATH = /^[A-Za-z0-9_][\w.-]{0,127}(\/[A-Za-z0-9_][\w.-]{0,127}){0,4}$/;
const FILE_NAME = /filename\*=UTF-8''([^\s;]+)|filename="([^"]*)"|filename=([^\s;"]+)/i;

const byPath = z.strictObject({ path: z.string().max(512) });
const byUrl = z.strictObject({ url: z.string().max(2_048), sha256: z.string().regex(/^[0-9a-f]{64}$/i) });

export interface FoundPackage {
  source: PackageSource;
  /** As it is told to everybody: `upload`, `path`, or a URL without its query. */
  from: string;
}

type Settings = 'storeDir' | 'maxPackageBytes' | 'packageSources' | 'packageAllowCidrs';

export class PackageSources {
  private readonly remote: RemotePackages;
  private readonly stopping = new AbortController();

  constructor(private readonly config: Pick<GatewayContext['config'], Settings>) {
    const { packageSources: sources, packageAllowCidrs: allowCidrs, maxPackageBytes: maxBytes } = config;
    this.remote = new RemotePackages({ sources, allowCidrs, maxBytes });
  }

  /** @throws INPUT_INVALID, JSON_MALFORMED, BODY_TOO_LARGE, PACKAGE_SOURCE_REFUSED, PACKAGE_SOURCE_FAILED */
  async of(request: FastifyRequest): Promise<FoundPackage> {
    const { headers } = request;
    if (mediaType(headers['content-type']) !== 'application/json') {
      const bytes = bodyStream(request, { most: this.config.maxPackageBytes, tooLarge: packageTooLarge });
      return { source: { bytes, fileName: fileNameOf(headers['content-disposition']) }, from: 'upload' };
    }
    const wanted = await wantedOf(request);
    if ('url' in wanted) return this.fetched(wanted);
    return { source: { path: await inInbox(this.config.storeDir, wanted.path) }, from: 'path' };
  }

  /** What is being fetched is given up. */
  async close(): Promise<void> {
    this.stopping.abort(
      new SluiceError('QUEUE_UNAVAILABLE', 'This gateway is shutting down.', { retryAfterSeconds: 1 }),
    );
    await this.remote.close();
  }

  private async fetched({ url, sha256 }: z.infer<typeof byUrl>): Promise<FoundPackage> {
    const source = await this.remote.fetch({ url, sha256: sha256.toLowerCase(), signal: this.stopping.signal });
    const { origin, pathname } = new URL(url);
    return { source, from: origin + pathname };
  }
}

/** What a header says of the body's name, without any folder. */
export function fileNameOf(disposition: string | undefined): string | undefined {
  const [, encoded, quoted, plain] = FILE_NAME.exec(disposition ?? '') ?? [];
  const name = encoded === undefined ? (quoted ?? plain) : decoded(encoded);
  return name === undefined || name === '' ? undefined : basename(name.replaceAll('\\', '/'));
}

/** The real path of what `name` is in the inbox. @throws INPUT_INVALID */
export async function inInbox(storeDir: string, name: string): Promise<string> {
  if (!INNER_PATH.test(name)) {
    throw refused(name, 'is not a name in the inbox of the store, as "digits.zip" or "digits/1"');
  }
  const inbox = await realpath(join(storeDir, INBOX)).catch(() => undefined);
  const meant = inbox === undefined ? undefined : join(inbox, name);
  const there = meant === undefined ? undefined : await realpath(meant).catch(() => undefined);
  if (meant === undefined || there === undefined) {
    throw refused(name, 'is not there: put it into the folder "inbox" of the gateway\'s store first');
  }
  if (there !== meant || (await lstat(there)).isSymbolicLink()) throw refused(name, 'is a link, or lies behind one');
  return there;
}

async function wantedOf(request: FastifyRequest): Promise<z.infer<typeof byPath> | z.infer<typeof byUrl>> {
  const pieces: Buffer[] = [];
  const tooLarge = (most: number): SluiceError =>
    new SluiceError('BODY_TOO_LARGE', `The JSON has more than ${most} bytes.`);
  for await (const piece of bodyStream(request, { most: MAX_CONTROL_BYTES, tooLarge })) pieces.push(piece);
  const value = parseJson(Buffer.concat(pieces));
  const parsed = z.union([byPath, byUrl]).safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SluiceError(
    'INPUT_INVALID',
    'The body is not as expected: {"path": name in the inbox}, or {"url": "https://…", "sha256": 64 hexadecimal digits}.',
  );
}

function refused(name: string, why: string): SluiceError {
  return new SluiceError('INPUT_INVALID', `path: ${JSON.stringify(name.slice(0, 80))} ${why}.`);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
