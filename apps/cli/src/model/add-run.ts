/**
 * One package from this machine to a gateway, until it is known whether it can be served.
 *
 * Invariants: the package is streamed, never in memory; the gateway waits for its verification as long as it may, and is
 * asked again only after that, less and less often and not for ever.
 */
import { Transform, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT } from '../command.js';
import { GatewayError } from '../gateway-client.js';
import type { ProgressLine } from '../progress-line.js';
import { size } from '../size.js';
import type { ModelClient, Upload } from './model-client.js';
import { versionView, viewOf, type VersionView } from './model-view.js';

/** A gateway gives up waiting before proxies do. */
const GATEWAY_WAIT_SECONDS = 60;
const FIRST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 10_000;
const PENDING = new Set(['registered', 'verifying']);

export interface AddOptions {
  client: ModelClient;
  upload: Omit<Upload, 'waitSeconds' | 'body'> & { body(): Readable };
  line: ProgressLine;
  signal: AbortSignal;
  /** 0: as soon as the gateway has it. */
  waitSeconds: number;
}

export interface Added {
  /** The gateway's last answer, and what of it is shown. */
  came: string;
  version: VersionView;
  /** What the gateway assumed about the package, a sentence each. */
  notes: readonly string[];
}

/** @throws CommandError, also when the time to wait is over; what the signal throws */
export async function add({ client, upload, line, signal, waitSeconds }: AddOptions): Promise<Added> {
  const end = Date.now() + waitSeconds * 1_000;
  const body = counted(upload.body(), upload.length, line);
  const asked = Math.min(waitSeconds, GATEWAY_WAIT_SECONDS);
  let came = await client
    .register({ ...upload, body, waitSeconds: asked })
    .catch((error: unknown) => refusalBehind(client, error))
    .catch((error: unknown) => failedVersion(client, error))
    .finally(() => body.destroy());
  let version = viewOf(versionView, came);
  const { notes = [] } = version;
  let pause = FIRST_PAUSE_MS;
  while (waitSeconds > 0 && !isOver(version, upload)) {
    if (Date.now() >= end) throw stillGoing(version, waitSeconds);
    const { state } = version;
    line.show(false, (seconds) => ({ share: undefined, text: `${state}, ${Math.round(seconds)} s` }));
    await sleep(Math.min(pause, Math.max(0, end - Date.now())), undefined, { signal });
    pause = Math.min(MOST_PAUSE_MS, pause * 1.5);
    came = await client.version(version).catch((error: unknown) => {
      // It is registered: a gateway that is away for a moment changes nothing about that.
      if (error instanceof GatewayError && error.passing && Date.now() < end) return came;
      throw error;
    });
    version = viewOf(versionView, came);
  }
  return { came, version, notes };
}

/** It is verified, and the default where it is to be that at once: a worker has to have it ready first. */
function isOver({ state, named_by: names = [] }: VersionView, { isDefault, isLoaded }: AddOptions['upload']): boolean {
  if (PENDING.has(state)) return false;
  return state === 'failed' || !isDefault || !isLoaded || names.includes('default');
}

/**
 * A gateway that refuses an upload closes the connection while it is still being written to, and its answer may be lost
 * with it. Asked again with nothing to send, it says what it has against the caller, or that something is missing.
 */
async function refusalBehind(client: ModelClient, error: unknown): Promise<never> {
  if (!(error instanceof GatewayError) || error.details.code !== undefined) throw error;
  const again = await client.registerNothing().catch((why: unknown) => why);
  throw again instanceof GatewayError && !again.passing && again.details.code !== 'BODY_EMPTY' ? again : error;
}

/** A gateway that has waited says in a problem that the verification failed; the version itself says more. */
async function failedVersion(client: ModelClient, error: unknown): Promise<string> {
  const { code, problem = {} } = error instanceof GatewayError ? error.details : {};
  const { name, version } = problem;
  if (code !== 'VERIFICATION_FAILED' || typeof name !== 'string' || typeof version !== 'string') throw error;
  return client.version({ name, version }).catch(() => {
    throw error;
  });
}

function counted(source: Readable, total: number, line: ProgressLine): Transform {
  let sent = 0;
  const counter = new Transform({
    transform(piece: Buffer, _encoding, done) {
      sent += piece.length;
      line.show(false, (seconds) => ({ share: sent / total, text: progressText(sent, total, seconds) }));
      done(null, piece);
    },
    flush(done) {
      line.show(true, (seconds) => ({ share: 1, text: `${size(total)} in ${seconds.toFixed(1)} s, being verified` }));
      done();
    },
    destroy(error, done) {
      source.destroy();
      done(error);
    },
  });
  source.on('error', (error) => counter.destroy(error));
  return source.pipe(counter);
}

function progressText(sent: number, total: number, seconds: number): string {
  const rate = sent / Math.max(seconds, 0.001);
  return `${size(sent)} of ${size(total)}, ${size(rate)}/s, ${Math.ceil((total - sent) / Math.max(rate, 1))} s left`;
}

function stillGoing({ name, version, state }: VersionView, waited: number): CommandError {
  const what = PENDING.has(state) ? `still ${state}` : `${state}, but not the default yet`;
  return new CommandError(
    `${name}:${version} is ${what} after ${waited} s. "sluice model show ${name} ${version}" says how it goes on; is a worker running?`,
    EXIT.notNow,
  );
}
