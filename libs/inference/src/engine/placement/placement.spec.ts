/** What counts as falling back to the CPU, and what a refusal says, on placements as data. */
import type { Placement } from '../../contract/placement.js';
import { placementOf, refusalOf } from './placement.js';
import type { ProfiledNode, TensorForm } from './trial-profile.js';

const tensor = (type: string, ...shape: number[]): TensorForm => ({ type, shape });
const node = (provider: string, operator: string, ...tensors: TensorForm[]): ProfiledNode => ({
  provider,
  operator,
  tensors,
});
const picture = tensor('float', 1, 3, 8, 8);
const CUDA = ['cuda'];
const counted = (nodes: Record<string, number>, fallback: Record<string, number>): Placement => ({
  kind: 'counted',
  nodes,
  fallback,
});

describe('a placement', () => {
  it('counts nodes by provider, and those of the CPU by operator', () => {
    const nodes = [
      node('cuda', 'Conv', picture, picture),
      node('cuda', 'Relu', picture, picture),
      node('cpu', 'NonMaxSuppression', tensor('float', 1, 50, 4), tensor('int64', 3, 3)),
      node('cpu', 'Hardmax', picture, picture),
      node('cpu', 'Hardmax', picture, picture),
    ];
    expect(placementOf(nodes)).toEqual(counted({ cuda: 2, cpu: 3 }, { NonMaxSuppression: 1, Hardmax: 2 }));
  });

  it.each([
    ['the sizes of a tensor', 'Shape', [picture, tensor('int64', 4)]],
    ['one of the sizes', 'Gather', [tensor('int64', 4), tensor('int64'), tensor('int64')]],
    ['sizes put together', 'Concat', [tensor('int64', 1), tensor('int32', 2), tensor('int64', 64)]],
    ['a comparison of sizes', 'Equal', [tensor('int64', 4), tensor('int64', 4), tensor('bool', 4)]],
    ['the root of a size', 'Sqrt', [tensor('float'), tensor('float')]],
  ])('does not count %s as a fall back', (_, operator, tensors) => {
    const { nodes, fallback } = placementOf([node('cuda', 'Conv', picture), node('cpu', operator, ...tensors)]);
    expect([nodes, fallback]).toEqual([{ cuda: 1, cpu: 1 }, {}]);
  });

  it.each([
    ['numbers that are no integers', [tensor('float', 4), tensor('float', 4)]],
    ['a table of integers', [tensor('int64', 1, 4), tensor('int64', 1, 4)]],
    ['a long vector', [tensor('int64', 65), tensor('int64', 65)]],
    ['strings', [tensor('string'), tensor('int64')]],
    ['what is no tensor', []],
  ])('counts %s as a fall back', (_, tensors) => {
    expect(placementOf([node('cpu', 'Some', ...tensors)]).fallback).toEqual({ Some: 1 });
  });
});

describe('a refusal', () => {
  it('names the count, the operators, those first that come most often, and the setting', () => {
    expect(refusalOf(counted({ cuda: 40, cpu: 8 }, { TopK: 1, Hardmax: 3 }), ['cuda', 'cpu'])).toBe(
      '4 of 48 nodes of this model run on the CPU although cuda was asked for: 3 × Hardmax, TopK.' +
        ' Set SLUICE_CPU_FALLBACK=true to serve it all the same, or change the model to operators that the provider' +
        ' has (docs/gpu.md).',
    );
  });

  it('comes for a model of which nothing runs where it was asked to, even if that is shape arithmetic', () => {
    expect(refusalOf(counted({ cpu: 3 }, {}), CUDA)).toMatch(/^All 3 nodes .* run on the CPU although cuda was asked/);
  });

  it('comes where nodes lie on the CPU and no run can show which', () => {
    expect(refusalOf({ kind: 'uncounted', cpuFree: false }, ['tensorrt', 'cuda'])).toMatch(
      /some nodes .* although tensorrt, cuda was asked for; which ones cannot be told.*SLUICE_CPU_FALLBACK=true/,
    );
  });

  it.each<[string, Placement]>([
    ['only the CPU was asked for', { kind: 'cpu' }],
    ['the CPU computes only shapes', counted({ cuda: 9, cpu: 3 }, {})],
    ['everything is where it was asked to be', counted({ cuda: 9 }, {})],
    ['onnxruntime says that nothing lies on the CPU', { kind: 'uncounted', cpuFree: true }],
  ])('does not come when %s', (_, placement) => {
    expect(refusalOf(placement, CUDA)).toBeUndefined();
  });
});
