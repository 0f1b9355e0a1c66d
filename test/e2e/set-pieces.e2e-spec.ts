// Proves: a value written to the socket piece by piece is the value that Redis has.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { patientConnection, setPieces, type Redis } from '#inference';

let redis: Redis;
beforeAll(() => {
  redis = patientConnection({ url: process.env['SLUICE_TEST_REDIS_URL']!, connectionName: 'sluice-worker' });
});
afterAll(() => redis.quit());

describe('a value set in pieces', () => {
  it('is in Redis what the pieces are end to end, with its time to live, whatever their sizes', async () => {
    const key = `{test-${randomBytes(6).toString('hex')}}:ü`;
    const sizes = fc.array(fc.constantFrom(0, 1, 7, 8_192, 65_536, 300_000), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const pieces = lengths.map((length) => randomBytes(length));
        // What is sent in the same tick must neither overtake it nor end up inside of it.
        const [, between, value, ttl] = await Promise.all([
          setPieces(redis, { key, pieces, ttlMs: 60_000 }),
          redis.echo('between'),
          redis.getBuffer(key),
          redis.pttl(key),
        ]);
        expect(between).toBe('between');
        expect(Buffer.concat(pieces).equals(value!)).toBe(true);
        expect(ttl).toBeGreaterThan(50_000);
        expect(ttl).toBeLessThanOrEqual(60_000);
      }),
      { numRuns: 60 },
    );
    await redis.del(key);
  });

  it.each([7, 300_000])('leaves one of %i bytes that is there alone when it is set once', async (length) => {
    const key = `{test-${randomBytes(6).toString('hex')}}:once`;
    const set = (ttlMs: number) => setPieces(redis, { key, pieces: [randomBytes(length)], ttlMs, once: true });
    await set(60_000);
    const first = await redis.getBuffer(key);
    await redis.persist(key);
    await Promise.all([set(60_000), set(60_000)]);
    expect((await redis.getBuffer(key))!.equals(first!)).toBe(true);
    expect(await redis.pttl(key)).toBe(-1);
    await redis.del(key);
  });

  it('is refused like any other command where Redis refuses it', async () => {
    const pieces = [Buffer.alloc(100_000)];
    await expect(setPieces(redis, { key: 'k', pieces, ttlMs: -1 })).rejects.toThrow(/invalid expire/);
    expect(await redis.ping()).toBe('PONG');
  });
});
