// Proves: no dependency is installed in a version below the one that is relied on or that closed a known hole.
import { readFileSync } from 'node:fs';

it.each([
  ['fastify', '5.12.1'],
  ['sharp', '0.35.3'],
  ['onnxruntime-node', '1.28.0'],
  ['bullmq', '6.3.3'],
])('has %s %s or newer', (name, floor) => {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as { version: string };
  expect({ version, isNewEnough: compare(version, floor) >= 0 }).toEqual({ version, isNewEnough: true });
});

it('has in web pages the onnxruntime that the service has', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  expect(devDependencies['onnxruntime-web']).toBe(dependencies['onnxruntime-node']);
});

function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(/[.-]/, 3).map(Number));
  return left!.map((part, i) => part - right![i]!).find((difference) => difference !== 0) ?? 0;
}
