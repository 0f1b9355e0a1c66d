// Proves: connections that come while a gateway is held up are kept until it goes on, and answered then.
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onLinux } from '../support/linux.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

/** As many as a gateway has in flight at most. */
const CALLERS = 1_024;

onLinux('connections to a gateway that is held up', () => {
  let stack: Stack;
  beforeAll(async () => (stack = await Stack.start({ workers: 0, serves: false })));
  afterAll(() => stack.close());

  it('keeps a thousand, and answers all of them', async () => {
    // The system's own limit is lower in some containers; the promise is no more than that.
    const most = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
    const { hostname, port } = new URL(stack.url);
    stack.gateway.kill('SIGSTOP');
    const callers = Array.from({ length: Math.min(CALLERS, most) }, () => connect(Number(port), hostname));
    try {
      await until('all are connected', () => callers.every(({ readyState }) => readyState === 'open'), 20_000);
    } finally {
      stack.gateway.kill('SIGCONT');
    }
    const answers = await Promise.all(callers.map(askedWhetherItLives));
    for (const caller of callers) caller.destroy();
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 200 OK']));
  });
});

async function askedWhetherItLives(caller: Socket): Promise<string> {
  caller.write('GET /health/live HTTP/1.1\r\nHost: sluice\r\n\r\n');
  const [answer] = (await once(caller, 'data')) as [Buffer];
  return answer.toString('latin1').split('\r\n')[0]!;
}
