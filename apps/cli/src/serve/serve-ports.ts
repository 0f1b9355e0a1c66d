/** Which ports `serve` uses. One that somebody chose is taken or refused; a usual one may give way to the next. */
import { freePort, nextFreePort, tryPort } from './free-port.js';

export const USUAL_PORT = 8080;

export interface PortOptions {
  host: string;
  print: (line: string) => void;
}

export async function gatewayPort(chosen: number | undefined, { host, print }: PortOptions): Promise<number> {
  if (chosen === 0) return freePort(host);
  const wanted = chosen ?? USUAL_PORT;
  if ((await tryPort(wanted, host)) !== undefined) return wanted;
  if (chosen !== undefined) {
    throw new Error(
      `Port ${chosen} on ${host} is taken. Stop what listens there, or set PORT to another one (0 takes any free one).`,
    );
  }
  const next = await nextFreePort(wanted + 1, host);
  print(`Port ${wanted} is taken; using ${next}. Set PORT to choose one.`);
  return next;
}

/** Health and metrics of the worker: nobody's address book, so any port will do. */
export async function workerPort(wanted: number, host: string, gateway: number): Promise<number> {
  if (wanted === 0) return 0;
  const taken = wanted === gateway || (await tryPort(wanted, host)) === undefined;
  return taken ? nextFreePort(Math.max(wanted, gateway) + 1, host) : wanted;
}

/** A wildcard address is one to listen on, not one to call. */
export function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
