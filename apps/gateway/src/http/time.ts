/** A point in time as callers write it, in milliseconds: `Date.parse` takes "5", and one without a zone as the server's. */
import { z } from 'zod';

export const time = z.iso
  .datetime({
    offset: true,
    error:
      'an RFC 3339 time with a zone was expected, as 2026-01-31T12:00:00Z or, with + as %2B in a URL, …T12:00:00+01:00',
  })
  .transform((text) => Date.parse(text));
