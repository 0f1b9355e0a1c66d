/** What a request's words mean, for every kind of word, and how a split divides. */
import type { Route } from '#inference';
import { versionMeant, type Choice } from './routing.js';

const ready = (version: string): Choice => ({ version, ready: true, servable: true });
const loadable = (version: string): Choice => ({ version, ready: false, servable: true });
const down = (version: string): Choice => ({ version, ready: false, servable: false });
const route = (more: Partial<Route>): Route => ({ aliases: {}, ...more });
const split = (...shares: [string, number][]) =>
  route({ split: shares.map(([version, weight]) => ({ version, weight })) });
const meant = (
  versions: Choice[],
  of: Route | undefined,
  { version, chance = 0 }: { version?: string; chance?: number } = {},
) => versionMeant(versions, { version, route: of, chance })?.version;

describe('a request that names a version', () => {
  const three = [ready('10'), { ...down('9'), also: ['m:9', 'abc'] }, ready('stable')];
  const aliased = route({ default: '10', aliases: { stable: '10', canary: '9', gone: '3' } });

  it.each([
    ['it', '9', '9'],
    ['it by another spelling', 'm:9', '9'],
    ['an alias', 'canary', '9'],
    ['a version that has the name of an alias', 'stable', 'stable'],
    ['an alias of a version that is gone', 'gone', undefined],
    ['nothing that there is', '11', undefined],
    ['nothing, by a word of JavaScript', 'constructor', undefined],
    ['latest', 'latest', '10'],
  ])('means %s', (_, version, expected) => {
    expect(meant(three, aliased, { version })).toBe(expected);
  });

  it('means with latest the newest that is ready, else the newest that can be loaded, else the newest', () => {
    const latest = { version: 'latest' };
    expect(meant([down('4'), loadable('3'), ready('2'), ready('1')], undefined, latest)).toBe('2');
    expect(meant([down('4'), loadable('3'), loadable('2')], undefined, latest)).toBe('3');
    expect(meant([down('4'), down('3')], undefined, latest)).toBe('4');
  });
});

describe('a request that names none', () => {
  it('means the newest that is ready where there is no default', () => {
    expect(meant([down('3'), ready('2'), ready('1')], undefined)).toBe('2');
    expect(meant([], undefined)).toBeUndefined();
  });

  it('means the default, and no other version when that is down', () => {
    expect(meant([ready('3'), down('2'), ready('1')], route({ default: '2' }))).toBe('2');
  });

  it('means the newest where the default is gone', () => {
    expect(meant([ready('3'), ready('1')], route({ default: '2' }))).toBe('3');
  });
});

describe('a split', () => {
  const both = [ready('2'), ready('1')];

  it.each([
    [0, '1'],
    [0.899, '1'],
    [0.9, '2'],
    [0.999, '2'],
  ])('gives the chance %d to %s of 90 and 10', (chance, expected) => {
    expect(meant(both, split(['1', 90], ['2', 10]), { chance })).toBe(expected);
  });

  it('divides as its weights do', () => {
    const counts = { 1: 0, 2: 0, 3: 0 };
    for (let i = 0; i < 1_000; i++) {
      const chance = i / 1_000;
      counts[meant([ready('3'), ...both], split(['1', 5], ['2', 3], ['3', 2]), { chance }) as '1']++;
    }
    expect(counts).toEqual({ 1: 500, 2: 300, 3: 200 });
  });

  it('gives nothing to a weight of 0, nor to what cannot be served', () => {
    for (const chance of [0, 0.5, 0.999]) {
      expect(meant(both, split(['1', 0], ['2', 1]), { chance })).toBe('2');
      expect(meant([down('2'), ready('1')], split(['1', 1], ['2', 99]), { chance })).toBe('1');
      expect(meant([loadable('2'), down('1')], split(['1', 99], ['2', 1]), { chance })).toBe('2');
    }
  });

  it('leaves a request to the default when nothing of it can be served', () => {
    const of = { ...split(['1', 1], ['2', 1]), default: '3' };
    expect(meant([ready('3'), down('2'), down('1')], of)).toBe('3');
  });
});
