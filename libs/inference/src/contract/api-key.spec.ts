import { digestOfKey, isApiKey, isOwner, keyLine, newApiKey, parseKeyFile } from './api-key.js';

const key = newApiKey();

describe('a key', () => {
  it('is 256 random bits after slk_', () => {
    expect(isApiKey(key)).toBe(true);
    expect(key).toHaveLength(47);
    expect(newApiKey()).not.toBe(key);
  });
});

describe('the file of keys', () => {
  it('has a line for each key; comments and empty lines count for nothing', () => {
    const spare = newApiKey();
    const text = `# keys\r\n\n${keyLine('alice', key)}\n  ${keyLine('alice', spare)}\t# of her laptop\n`;
    expect(parseKeyFile(text)).toEqual([
      { owner: 'alice', digest: digestOfKey(key), scopes: ['predict'] },
      { owner: 'alice', digest: digestOfKey(spare), scopes: ['predict'] },
    ]);
  });

  it.each([
    ['admin', ['admin']],
    ['worker,predict,worker', ['worker', 'predict']],
  ])('says with %s in a third column what a key is good for', (column, scopes) => {
    expect(parseKeyFile(`${keyLine('alice', key)} ${column} # note`)).toMatchObject([{ scopes }]);
  });

  it('is written with scopes as it is read', () => {
    const line = keyLine('alice', key, ['admin', 'worker']);
    expect(parseKeyFile(line)).toEqual([{ owner: 'alice', digest: digestOfKey(key), scopes: ['admin', 'worker'] }]);
  });

  it.each([
    ['a key itself', `alice ${key}`, /Line 1 holds a key itself/],
    ['no digest', '\nalice', /Line 2 has no digest/],
    ['a digest cut short', keyLine('alice', key).slice(0, -1), /Line 1 has no digest/],
    ['a key in place of a scope', `${keyLine('alice', key)} ${key}`, /Line 1 holds a key itself/],
    ['a scope that is none', `${keyLine('alice', key)} admin,root`, /Line 1 has a third column that is no scope/],
    ['a blank between scopes', `${keyLine('alice', key)} admin, worker`, /Line 1 has a third column that is no/],
    ['a fourth column', `${keyLine('alice', key)} admin worker`, /Line 1 has more than three columns/],
    [
      'the same digest twice',
      `${keyLine('alice', key)}\n${keyLine('bob', key)}`,
      /Line 2 has the digest of a line above/,
    ],
    ['an owner in capitals', keyLine('Alice', key), /Line 1 begins with no owner's name/],
  ])('is refused with %s, by its line and without repeating it', (_, text, message) => {
    expect(() => parseKeyFile(text)).toThrow(message);
    expect(() => parseKeyFile(text)).not.toThrow(key);
  });
});

describe("an owner's name", () => {
  it.each(['a', '0', 'team-a_1', 'x'.repeat(32)])('may be %s', (name) => expect(isOwner(name)).toBe(true));
  it.each(['', '-a', 'A', 'a b', 'a:b', 'ä', 'x'.repeat(33)])('may not be %j', (name) => {
    expect(isOwner(name)).toBe(false);
  });
});
