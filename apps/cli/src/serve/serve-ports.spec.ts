import { createServer, type AddressInfo, type Server } from 'node:net';
import { freePort, tryPort } from './free-port.js';
import { gatewayPort, reachable, workerPort } from './serve-ports.js';

const host = '127.0.0.1';

describe('the ports of serve', () => {
  let taken: Server;
  let port: number;
  const print = jest.fn();

  beforeEach(async () => {
    print.mockReset();
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, host, resolve));
    port = (taken.address() as AddressInfo).port;
  });
  afterEach(() => new Promise((resolve) => taken.close(resolve)));

  it('refuse a chosen port that is taken, and say what to do', async () => {
    await expect(gatewayPort(port, { host, print })).rejects.toThrow(new RegExp(`Port ${port} .* is taken.*set PORT`));
  });

  it('are as chosen where they are free', async () => {
    const free = await freePort();
    expect(await gatewayPort(free, { host, print })).toBe(free);
    expect(print).not.toHaveBeenCalled();
  });

  it('are any free one for 0', async () => {
    expect(await gatewayPort(0, { host, print })).toBeGreaterThan(0);
  });

  it('are the usual one or, said aloud, the next free one where nobody chose', async () => {
    const usualIsFree = (await tryPort(8080, host)) !== undefined;
    const chosen = await gatewayPort(undefined, { host, print });
    if (usualIsFree) expect(chosen).toBe(8080);
    else expect(print).toHaveBeenCalledWith(expect.stringContaining(`using ${chosen}`));
  });

  it('never give the worker the port of the gateway, nor one that is taken', async () => {
    const free = await freePort();
    expect(await workerPort(free, host, free)).toBeGreaterThan(free);
    expect(await workerPort(port, host, free)).not.toBe(port);
    expect(await workerPort(0, host, free)).toBe(0);
  });

  it('are called on loopback where they listen everywhere', () => {
    expect(['0.0.0.0', '::', '10.1.2.3', '::1'].map(reachable)).toEqual([
      '127.0.0.1',
      '127.0.0.1',
      '10.1.2.3',
      '[::1]',
    ]);
  });
});
