// Proves: docs/errors.md lists every error code with the status it has, and nothing else.
import { ERROR_CODES } from '../../libs/inference/src/errors.js';
import { STATUS } from '../../apps/gateway/src/http/problem.js';
import { plain, rowsOf } from './tables.js';

const rows = rowsOf('docs/errors.md');

it('lists the codes that there are, each once, in the same order', () => {
  expect(rows.map((row) => plain(row['code']))).toEqual([...ERROR_CODES]);
});

it('states the status with which each code is answered', () => {
  expect(Object.fromEntries(rows.map((row) => [plain(row['code']), Number(row['status'])]))).toEqual(STATUS);
});

it('says of each code when it comes and what to do', () => {
  for (const row of rows) {
    expect(row['when']).toMatch(/.{8,}/);
    expect(row['what to do']).toMatch(/.{7,}/);
  }
});
