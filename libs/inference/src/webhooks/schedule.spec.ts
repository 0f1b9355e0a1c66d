/** Proves: a schedule is read as it is written, spread by jitter, and never cuts short what a receiver asked for. */
import { DEFAULT_SCHEDULE, MAX_RETRY_AFTER_MS, parseSchedule, RetrySchedule, retryAfterMs } from './schedule.js';

it('reads durations, and refuses what is none', () => {
  expect(parseSchedule('0, 50ms,5s,2m,1h,1d')).toEqual([0, 50, 5_000, 120_000, 3_600_000, 86_400_000]);
  for (const text of ['', '5', '5s,', '-1s', '1.5s', '5 s', '31d', '1w', Array<string>(33).fill('1s').join()]) {
    expect(parseSchedule(text)).toBeUndefined();
  }
  const total = parseSchedule(DEFAULT_SCHEDULE)!.reduce((sum, ms) => sum + ms, 0);
  expect(total / 3_600_000).toBeCloseTo(75.58, 1);
});

it('spreads each pause by a fifth, and ends after the last', () => {
  const at = (random: number) => new RetrySchedule([0, 1_000], () => random);
  expect([0, 0.5, 1].map((random) => at(random).after(1))).toEqual([800, 1_000, 1_200]);
  expect(at(0).after(0)).toBe(0);
  expect(at(0).after(2)).toBeUndefined();
  expect(at(0).after(2, 5_000)).toBeUndefined();
});

it('waits at least as long as it was asked to, up to a day', () => {
  const schedule = new RetrySchedule([0, 1_000], () => 0.5);
  expect(schedule.after(1, 500)).toBe(1_000);
  expect(schedule.after(1, 60_000)).toBe(60_000);
  expect(schedule.after(1, 1e12)).toBe(MAX_RETRY_AFTER_MS);
});

it('reads Retry-After as seconds or as a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(retryAfterMs('120', now)).toBe(120_000);
  expect(retryAfterMs('Thu, 01 Jan 2026 00:01:00 GMT', now)).toBe(60_000);
  expect(retryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
  for (const text of [undefined, '', 'soon', '-5', '5.5', '2026-01-02', ['1', '2']])
    expect(retryAfterMs(text, now)).toBeUndefined();
});
