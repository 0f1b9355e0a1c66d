/** When a golden answer and the one that came agree. */
import { disagreement } from './compare-answers.js';

const TOLERANCE = 0.01;
const ranked = (...scores: [string, number][]) => {
  const top = scores.map(([label, score], i) => ({ index: label.charCodeAt(0) - 97 || i, label, score }));
  return { prediction: top[0]!.index, label: top[0]!.label, score: top[0]!.score, top };
};

describe('answers agree', () => {
  it.each<[string, unknown, unknown]>([
    ['within the tolerance', { a: 0.5 }, { a: 0.505 }],
    ['within the tolerance of the largest of an array', { t: [[100, 0.1]] }, { t: [[100.9, 0.9]] }],
    ['whatever else came', { a: 1 }, { a: 1, b: 2 }],
    ['in words for what is no number', { t: ['NaN', 1] }, { t: ['NaN', 1] }],
    [
      'with two as good ones turned',
      ranked(['b', 0.4], ['c', 0.395], ['d', 0.2]),
      ranked(['c', 0.4], ['b', 0.395], ['d', 0.2]),
    ],
    ['with another one as good at the end', ranked(['b', 0.4], ['c', 0.2]), ranked(['b', 0.4], ['e', 0.2])],
  ])('%s', (_, expected, came) => expect(disagreement(expected, came, TOLERANCE)).toBeUndefined());
});

describe('answers differ, and where is told', () => {
  const apart: { where: string; expected: unknown; came: unknown; says: RegExp }[] = [
    {
      where: 'beyond the tolerance',
      expected: { a: { b: 0.5 } },
      came: { a: { b: 0.52 } },
      says: /^a\.b came as 0\.52, expected 0\.5$/,
    },
    {
      where: 'in an array',
      expected: { t: [[1], [4]] },
      came: { t: [[1], [5]] },
      says: /^t\[1\]\[0\] came as 5, expected 4$/,
    },
    { where: 'in length', expected: { t: [1, 2] }, came: { t: [1] }, says: /^t came as \[1\], expected \[1,2\]$/ },
    { where: 'in type', expected: { t: 1 }, came: { t: '1' }, says: /^t came as "1", expected 1$/ },
    { where: 'where something is missing', expected: { t: 1 }, came: {}, says: /^t came as nothing, expected 1$/ },
    {
      where: 'in what is no number',
      expected: { t: ['NaN'] },
      came: { t: [1] },
      says: /^t\[0\] came as 1, expected "NaN"$/,
    },
    {
      where: 'in the best class',
      expected: ranked(['b', 0.5], ['c', 0.4]),
      came: ranked(['c', 0.5], ['b', 0.4]),
      says: /^prediction came as 2, expected 1$/,
    },
    {
      where: 'in a class that is clearly there',
      expected: ranked(['b', 0.5], ['c', 0.4], ['d', 0.1]),
      came: ranked(['b', 0.5], ['e', 0.4], ['d', 0.1]),
      says: /^top\[1\]\.index came as 4, expected 2$/,
    },
    {
      where: 'in a score',
      expected: ranked(['b', 0.5]),
      came: ranked(['b', 0.6]),
      says: /^score came as 0\.6, expected 0\.5$/,
    },
  ];

  it.each(apart)('$where', ({ expected, came, says }) => {
    expect(disagreement(expected, came, TOLERANCE)).toMatch(says);
  });
});
