// Proves: a log tells of an error what happened, and nothing that a caller has sent.
import { Redis } from 'ioredis';
import { loggedError } from './logger.js';

it('tells of a command that Redis has refused no argument', async () => {
  const redis = new Redis(process.env['SLUICE_TEST_REDIS_URL']!);
  const key = `logged-${process.pid}`;
  await redis.set(key, 'text');
  const error = await redis.lpush(key, 'whsec_secret').catch((refused: unknown) => refused);
  await redis.del(key);
  redis.disconnect();
  // Where ioredis keeps them.
  expect(JSON.stringify(Object.entries(error as object))).toContain('whsec_secret');
  expect(loggedError(error)).toMatchObject({
    type: 'ReplyError',
    message: expect.stringMatching(/^WRONGTYPE/) as string,
  });
  expect(JSON.stringify(loggedError(error))).not.toContain('whsec_secret');
});

it('tells the code of an error of the system, and a thrown text', () => {
  const error = Object.assign(new Error('no room'), { code: 'ENOSPC', path: '/somewhere' });
  expect(loggedError(error)).toEqual({ type: 'Error', message: 'no room', code: 'ENOSPC', stack: error.stack });
  expect(loggedError('text')).toEqual({ message: 'text' });
});
