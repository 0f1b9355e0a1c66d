/** JSON for a terminal: short, and to the digit what came. */
import { layOut } from './json-layout.js';

it('keeps what fits in a line, and breaks what does not at its brackets', () => {
  const json =
    '{"prediction":7,"label":"a \\"b\\" [c","score":0.97775,"top":[{"index":7,"score":0.9},{"index":1,"score":1e-3}],"e":{},"f":[]}';
  expect(layOut(json)).toBe(
    [
      '{',
      '  "prediction": 7,',
      '  "label": "a \\"b\\" [c",',
      '  "score": 0.97775,',
      '  "top": [{ "index": 7, "score": 0.9 }, { "index": 1, "score": 1e-3 }],',
      '  "e": {},',
      '  "f": []',
      '}',
    ].join('\n'),
  );
  expect(layOut('{"output":[1,2]}')).toBe('{ "output": [1, 2] }');
});

it('fills lines with numbers', () => {
  const numbers = Array.from({ length: 100 }, (_, i) => i);
  const lines = layOut(JSON.stringify({ output: numbers })).split('\n');
  expect(lines.length).toBeLessThan(10);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(JSON.parse(lines.join('\n'))).toEqual({ output: numbers });
});

it('loses no digit', () => {
  expect(layOut('[9007199254740993,1.0,-0]')).toBe('[9007199254740993, 1.0, -0]');
});

it.each(['', 'no json', '{"a":', '['.repeat(100_000) + ']'.repeat(100_000)])('leaves %.10s as it is', (text) => {
  expect(layOut(text)).toBe(text);
});
