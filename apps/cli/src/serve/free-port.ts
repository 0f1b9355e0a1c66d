/** TCP ports: whether one can be listened on, and one that can. */
import { createServer, type AddressInfo } from 'node:net';

/** The port listened on for a moment (0: any free one); undefined where it is taken. Other failures are thrown. */
export function tryPort(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => resolve(bound));
    });
  });
}

export async function freePort(host = '127.0.0.1'): Promise<number> {
  const port = await tryPort(0, host);
  if (port === undefined) throw new Error(`No TCP port is free on ${host}.`);
  return port;
}

/** The first free one from `first` on. */
export async function nextFreePort(first: number, host: string): Promise<number> {
  for (let port = first; port < Math.min(first + 100, 65_536); port += 1) {
    if ((await tryPort(port, host)) !== undefined) return port;
  }
  return freePort(host);
}
