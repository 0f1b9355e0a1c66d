/** Where a worker's packages come from: its store, else a gateway, with every byte checked. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, ingest, openPackage, PackageStore, type PackageName } from '#inference';
import { PackageServer } from '../../../../../test/fixtures/package-server.js';
import { GatewayAway } from './package-fetch.js';
import { PackageSource } from './package-source.js';

const KEY = 'a-worker-s-key';
const log = createLogger('worker', 'silent');

describe('a package of a registered version', () => {
  const top = mkdtempSync(join(tmpdir(), 'package-source-'));
  let server: PackageServer;
  let url: string;
  let net: PackageName;
  let stores = 0;
  const source = (more: { workerKey?: string; gatewayUrl?: string | undefined } = {}) => {
    const storeDir = join(top, `own-${stores++}`);
    return {
      storeDir,
      source: new PackageSource({ config: { storeDir, gatewayUrl: url, workerKey: KEY, ...more }, log }),
    };
  };
  const lying = (storeDir: string) => ['packages', 'staging'].map((part) => readdirSync(join(storeDir, part)));

  beforeAll(async () => {
    cpSync('test/fixtures/models/row_sum/1', join(top, 'net', '1'), { recursive: true });
    mkdirSync(join(top, 'net', '1', 'samples'));
    writeFileSync(join(top, 'net', '1', 'samples', '0.input.json'), '{}');
    const store = await PackageStore.open(join(top, 'gateways'));
    const { digest, name, version } = await ingest(store, { path: join(top, 'net', '1') });
    net = { digest, name, version };
    server = new PackageServer(store, KEY);
    url = await server.start();
  });
  beforeEach(() => {
    server.asked.length = 0;
    server.disturb = () => false;
  });
  afterAll(() => {
    server.stop();
    rmSync(top, { recursive: true, force: true });
  });

  it('is fetched once, whoever asks, and then lies in the store', async () => {
    const { source: first, storeDir } = source();
    const [folder, same] = await Promise.all([first.packageFolder(net), first.packageFolder(net)]);
    expect(same).toBe(folder);
    expect(await openPackage(folder)).toMatchObject({ checksum: net.digest, manifest: { name: net.name } });
    const asked = server.asked.length;
    expect(asked).toBe(new Set(server.asked).size);
    const again = new PackageSource({ config: { storeDir, gatewayUrl: undefined, workerKey: undefined }, log });
    expect(await again.packageFolder(net)).toBe(folder);
    expect(server.asked).toHaveLength(asked);
    await first.forget(net.digest);
    expect(lying(storeDir)).toEqual([[], []]);
  });

  it('comes in spite of a gateway that breaks off, cuts bytes, alters them or is away', async () => {
    const spoiled: ((response: Parameters<typeof server.disturb>[1]) => void)[] = [
      (response) => response.writeHead(503).end(),
      (response) => response.writeHead(200, { 'content-length': '99' }).write('half', () => response.destroy()),
      (response) => response.writeHead(200).end('other bytes'),
    ];
    server.disturb = (path, response) => {
      const spoil = path.endsWith('model.onnx') ? spoiled.shift() : undefined;
      spoil?.(response);
      return spoil !== undefined;
    };
    const { source: from, storeDir } = source();
    expect(await openPackage(await from.packageFolder(net))).toMatchObject({ checksum: net.digest });
    expect(spoiled).toEqual([]);
    expect(lying(storeDir)).toEqual([[net.digest], []]);
  });

  it.each([
    ['without a gateway', { gatewayUrl: undefined }, /net:1 is not in this worker's store.*SLUICE_GATEWAY_URL/],
    ['with a key that is refused', { workerKey: 'wrong' }, /refuses this worker's key \(403\).*SLUICE_WORKER_KEY/],
  ])('is missing %s, and the reason says what to do', async (_, settings, message) => {
    const { source: from } = source(settings);
    await expect(from.packageFolder(net)).rejects.toThrow(message);
    expect(server.asked.length).toBeLessThanOrEqual(1);
  });

  it('is given up after a few tries, with nothing left behind', async () => {
    server.disturb = (path, response) => {
      if (path.includes('/files/')) response.writeHead(200).end('wrong');
      return path.includes('/files/');
    };
    const { source: from, storeDir } = source();
    await expect(from.packageFolder(net)).rejects.toThrow(/net:1 could not be fetched: model.*sha256/);
    expect(lying(storeDir)).toEqual([[], []]);
    await expect(from.packageFolder({ ...net, digest: '0'.repeat(64) })).rejects.toThrow(
      /no such package in its store/,
    );
  });

  it('is not had while no gateway answers, which is told without an address', async () => {
    server.disturb = (_, response) => Boolean(response.destroy());
    const error = await source()
      .source.packageFolder(net)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GatewayAway);
    expect((error as Error).message).toBe(
      'The package of net:1 could not be fetched: The gateway cannot be reached, or broke off. Is SLUICE_GATEWAY_URL right?',
    );
  });

  it('is fetched again where what lies in the store was damaged, and only there', async () => {
    const { source: from } = source();
    const folder = await from.packageFolder(net);
    await from.discardDamaged(net);
    const asked = server.asked.length;
    expect(await from.packageFolder(net)).toBe(folder);
    expect(server.asked).toHaveLength(asked);
    writeFileSync(join(folder, 'model.onnx'), 'cut');
    await from.discardDamaged(net);
    expect(await openPackage(await from.packageFolder(net))).toMatchObject({ checksum: net.digest });
  });
});
