/** Requests as callers send them. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: ReturnType<typeof JSON.parse>;
}

export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  body?: Buffer | string;
  /** Called with the request, for those who hang up. */
  started?: (abort: () => void) => void;
}

export function ask(url: string, { method = 'POST', headers = {}, body, started }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = request(url, { method, headers: { ...length, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = String(response.headers['content-type']).includes('json');
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text,
          // Of an answer to HEAD only the headers come.
          json: isJson && text !== '' ? JSON.parse(text) : undefined,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
    started?.(() => sent.destroy());
  });
}

export function postJson(url: string, value: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return ask(url, { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) });
}

/** multipart/form-data with the given parts, as curl -F writes it: with another boundary each time. */
export function form(
  parts: { name: string; filename?: string; content: Buffer | string }[],
): Pick<Ask, 'headers' | 'body'> {
  const boundary = `----------------------------${randomBytes(6).toString('hex')}`;
  const pieces = parts.flatMap(({ name, filename, content }) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename ? `; filename="${filename}"\r\nContent-Type: application/octet-stream` : ''}\r\n\r\n`,
    ),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
  const body = Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
  return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body };
}

export const seven = (): Buffer => readFileSync('examples/digits/seven.png');
export const sevenRow = (): { input: number[][][] } =>
  JSON.parse(readFileSync('examples/digits/seven.json', 'utf8')) as { input: number[][][] };
