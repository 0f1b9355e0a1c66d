/** Where webhooks may go: see egress/address-policy.ts. */
import { SluiceError } from '#inference';
import { AddressPolicy } from '../egress/address-policy.js';

/** Refuses as WEBHOOK_REFUSED. */
export function webhookPolicy(cidrs: readonly string[]): AddressPolicy {
  return new AddressPolicy(
    cidrs,
    (what) =>
      new SluiceError('WEBHOOK_REFUSED', `The webhook's URL ${what}. See docs/webhooks.md for what is never dialled.`),
  );
}
