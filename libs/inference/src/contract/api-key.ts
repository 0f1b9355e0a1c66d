/**
 * API keys and the file that lists them: `sluice key` writes its lines, gateways read them. A line is
 * `<owner> sha256:<hex> [scope[,scope]]`; `#` begins a comment. The file holds digests alone, so whoever reads it can
 * call nothing.
 *
 * Invariant: no sentence made here repeats what might be a key.
 */
import { createHash, randomBytes } from 'node:crypto';

/** Owner of everything where a gateway has no keys. */
export const PUBLIC_OWNER = 'public';

const OWNER = /^[a-z0-9][a-z0-9_-]{0,31}$/;
const KEY = /^slk_[A-Za-z0-9_-]{43}$/;
const DIGEST = /^sha256:([0-9a-f]{64})$/;
const LINE = '<owner> sha256:<64 hexadecimal digits> [scope[,scope]]';

/** What a key is good for: predictions and what came of them; models and what they mean; packages for workers. */
export const SCOPES = ['predict', 'admin', 'worker'] as const;
export type Scope = (typeof SCOPES)[number];
const DEFAULT_SCOPES: readonly Scope[] = ['predict'];

export interface KeyLine {
  owner: string;
  digest: Buffer;
  scopes: readonly Scope[];
}

/** 256 random bits: nothing that a slow hash would have to protect. */
export function newApiKey(): string {
  return `slk_${randomBytes(32).toString('base64url')}`;
}

export function isApiKey(text: string): boolean {
  return KEY.test(text);
}

export function isOwner(text: string): boolean {
  return OWNER.test(text);
}

export function digestOfKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Without scopes one that may predict and nothing else. */
export function keyLine(owner: string, key: string, scopes: readonly Scope[] = []): string {
  const column = scopes.length === 0 ? '' : ` ${scopes.join(',')}`;
  return `${owner} sha256:${digestOfKey(key).toString('hex')}${column}`;
}

/** `admin,worker`; undefined when a part of it is no scope. */
export function parseScopes(text: string): Scope[] | undefined {
  const scopes = text.split(',').map((name) => SCOPES.find((scope) => scope === name));
  return scopes.every((scope) => scope !== undefined) ? [...new Set(scopes)] : undefined;
}

/** An owner may have several keys; a key has one owner. @throws Error that names the line and what was expected. */
export function parseKeyFile(text: string): KeyLine[] {
  const lines: KeyLine[] = [];
  const known = new Set<string>();
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const words = raw
      .replace(/(^|\s)#.*$/, '')
      .trim()
      .split(/\s+/);
    if (words[0] === '') continue;
    const line = parseWords(words, `Line ${i + 1}`);
    const hex = line.digest.toString('hex');
    if (known.has(hex)) throw new Error(`Line ${i + 1} has the digest of a line above it; each key stands there once.`);
    known.add(hex);
    lines.push(line);
  }
  return lines;
}

function parseWords([owner = '', digest = '', column, ...rest]: string[], where: string): KeyLine {
  if ([owner, digest, column ?? ''].some(isApiKey)) {
    throw new Error(`${where} holds a key itself; ${LINE} was expected, which "sluice key <owner>" prints.`);
  }
  if (!isOwner(owner)) {
    throw new Error(
      `${where} begins with no owner's name: a-z, 0-9, _ and -, at most 32, a letter or digit first, was expected.`,
    );
  }
  const [, hex] = DIGEST.exec(digest) ?? [];
  if (hex === undefined) throw new Error(`${where} has no digest after the owner; ${LINE} was expected.`);
  const scopes = column === undefined ? DEFAULT_SCOPES : parseScopes(column);
  if (!scopes) {
    throw new Error(`${where} has a third column that is no scope: some of ${SCOPES.join(',')} were expected.`);
  }
  if (rest.length > 0) throw new Error(`${where} has more than three columns; ${LINE} was expected.`);
  return { owner, digest: Buffer.from(hex, 'hex'), scopes };
}
