/** What connections promise beyond what their library does. */
import { patientConnection, type Redis } from './connection.js';

const told = (connection: Redis, event: string): Promise<void> =>
  new Promise((resolve) => connection.once(event, () => resolve()));

it('a connection that waits to be made again ends when it is told to, and so does a copy of it', async () => {
  const nobody = patientConnection({ url: 'redis://127.0.0.1:1', connectionName: 'sluice-worker' });
  for (const connection of [nobody, nobody.duplicate()]) {
    connection.on('error', () => undefined);
    await told(connection, 'reconnecting');
    connection.disconnect();
    await told(connection, 'end');
    expect(connection.status).toBe('end');
  }
});
