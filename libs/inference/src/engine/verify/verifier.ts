/**
 * The process in which a package is verified: entry of the child that verification/sandbox.ts starts. Takes its order as
 * the first line on stdin, answers on descriptor 3, and ends itself when stdin does: then nobody waits for it any more.
 *
 * Invariant: what it says is on its way before the next thing is tried, for that may be the last.
 */
import { rmSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { ANSWERS_FD, type VerifierLine, type VerifyOrder } from '../../verification/verifier-lines.js';
import { RunClient } from '../run/run-client.js';
import { verify } from './verification.js';

/** How often the memory is looked at, which tells where no limit of the system does. */
const LOOK_MS = 100;

const input = createInterface({ input: process.stdin });
input.once('line', (line) => void start(JSON.parse(line) as VerifyOrder));
input.once('close', orphaned);

async function start(order: VerifyOrder): Promise<void> {
  setInterval(() => {
    if (process.memoryUsage.rss() <= order.memoryBytes) return;
    process.stderr.write('out of memory: more than the verification may take\n');
    die();
  }, LOOK_MS).unref();
  try {
    const runner = await RunClient.start(new URL('../run/run-thread.js', import.meta.url), order.settings);
    // Without its thread nothing is answered any more.
    void runner.ended.then(die);
    await verify({ order, runner, tell, die });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell({ kind: 'checked', result: { check: 'load', status: 'failed', message, ms: 0 } });
  }
  tell({ kind: 'end' });
}

function tell(line: VerifierLine): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let sent = 0; sent < bytes.length;) sent += writeSync(ANSWERS_FD, bytes, sent);
}

/** The working directory was for this process alone; whoever would remove it is gone. */
function orphaned(): void {
  rmSync(process.cwd(), { recursive: true, force: true });
  die();
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}
