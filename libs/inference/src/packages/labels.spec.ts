/** Class names in every form that TorchServe's index_to_name.json has, and as a plain list. */
import { parseLabels } from './labels.js';

describe('labels', () => {
  it.each([
    ['a list', ['cat', 'dog']],
    ['names by index', { 0: 'cat', 1: 'dog' }],
    ['lists that end in the name', { 0: ['n01440764', 'cat'], 1: ['n01443537', 'dog'] }],
    ['the older form', { object_type_names: ['cat', 'dog'] }],
    ['the older form beside other keys', { version: 1, object_type_names: ['cat', 'dog'] }],
    ['both kinds of values', { 1: 'dog', 0: ['n01440764', 'cat'] }],
  ])('are read from %s', (_, raw) => {
    expect(parseLabels('l.json', raw)).toEqual(['cat', 'dog']);
  });

  it('of a list may begin with another class than 0', () => {
    const labels = parseLabels('l.json', ['person', 'bicycle'], { first: 1 });
    expect([labels[0], labels[1], labels[2]]).toEqual([undefined, 'person', 'bicycle']);
    expect(parseLabels('l.json', { object_type_names: ['person'] }, { first: 1 })[1]).toBe('person');
    expect(() => parseLabels('l.json', { 0: 'person' }, { first: 1 })).toThrow(/output\.firstLabel must be 0/);
  });

  it('by index may leave classes out where that is allowed', () => {
    const raw = { 1: 'person', 90: 'toothbrush' };
    const labels = parseLabels('l.json', raw, { gaps: true });
    expect([labels[0], labels[1], labels[90], labels.length]).toEqual([undefined, 'person', 'toothbrush', 91]);
    expect(() => parseLabels('l.json', raw)).toThrow(/class index "90", expected each of 0 to 1 once/);
  });

  it.each([
    ['cat', /expected an array of names or an object/],
    [null, /expected an array of names or an object/],
    [['cat', 5], /class 1: came 5, expected a name/],
    [{ object_type_names: ['cat', []] }, /class 1: came \[\], expected a name/],
    [{ object_type_names: 'cat' }, /came the class index "object_type_names"/],
    [{ 0: { name: 'cat' } }, /class 0: came \{"name":"cat"\}/],
    [{ '01': 'cat' }, /came the class index "01"/],
    [{ 100000: 'cat' }, /came the class index "100000", expected a number up to 99999/],
  ])('%j is refused', (raw, complaint) => {
    expect(() => parseLabels('l.json', raw, { gaps: true })).toThrow(complaint);
  });
});
