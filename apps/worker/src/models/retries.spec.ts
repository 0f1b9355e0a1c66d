/** A version that failed is tried again, more and more rarely, and not for ever. */
import { registered } from '../../../../test/fixtures/fleet.js';
import { Retries } from './retries.js';
import { Version } from './version.js';

describe('a version that could not be loaded', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('is tried again after 2, 4, 8 … 300 seconds, twelve times in all', () => {
    const retries = new Retries();
    const version = Version.registered(registered('m', '1'));
    const pauses: number[] = [];
    for (let tries = 1; tries < 12; tries++) {
      retries.failed(version);
      let seconds = 0;
      for (; !retries.mayTry(version); seconds++) jest.advanceTimersByTime(1_000);
      pauses.push(seconds);
    }
    expect(pauses).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    retries.failed(version);
    jest.advanceTimersByTime(86_400_000);
    expect(retries.mayTry(version)).toBe(false);
  });

  it('is tried for ever where its package could not be had, which says nothing about it', () => {
    const retries = new Retries();
    const version = Version.registered(registered('m', '1'));
    for (let tries = 1; tries < 50; tries++) {
      retries.failed(version, { mayPass: true });
      jest.advanceTimersByTime(300_000);
      expect(retries.mayTry(version)).toBe(true);
    }
  });

  it('is tried at once when its registration has changed', () => {
    const retries = new Retries();
    const version = Version.registered(registered('m', '1'));
    retries.hopeless(version);
    expect(retries.mayTry(version)).toBe(false);
    version.follow(registered('m', '1', { updated: 5 }));
    expect(retries.mayTry(version)).toBe(true);
  });

  it("is not tried again where it lies in the worker's own folder", () => {
    const retries = new Retries();
    const version = Version.inFolder({ key: 'm:1', name: 'm', version: '1', directory: '/x' });
    retries.failed(version);
    jest.advanceTimersByTime(86_400_000);
    expect(retries.mayTry(version)).toBe(false);
  });
});
