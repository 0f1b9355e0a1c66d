/** Entry of a gateway process. */
import { collectLargeGrowth, loadGatewayConfig } from '#inference';
import { runGateway } from './lifecycle.js';

collectLargeGrowth();
try {
  await runGateway(loadGatewayConfig());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
