/** When an upload may take its time. */
import { Lead, Leads } from './lead.js';

/** A row ends each `msEach`, and one is committed each `msCommit`. */
function upload(
  lead: Lead,
  { from = 0, ms, msEach, msCommit }: Record<'ms' | 'msEach' | 'msCommit', number> & { from?: number },
) {
  for (let at = from; at <= from + ms; at += 100) {
    const committed = Math.floor((at - from) / msCommit);
    lead.note({ at, committed, left: committed - Math.min(committed, Math.floor((at - from) / msEach)) });
  }
}

describe('the lead of an upload', () => {
  it('is long once what is left takes more than five seconds to run', () => {
    const lead = new Lead();
    upload(lead, { ms: 400, msEach: 50, msCommit: 2 });
    expect(lead.isLong).toBe(false);
    upload(lead, { ms: 1_000, msEach: 50, msCommit: 2 });
    expect(lead.isLong).toBe(true);
  });

  it('is not where rows end as fast as they come, however many', () => {
    const lead = new Lead();
    upload(lead, { ms: 30_000, msEach: 0.2, msCommit: 0.19 });
    expect(lead.isLong).toBe(false);
  });

  it('is long while nothing ends, and follows when that begins', () => {
    const lead = new Lead();
    upload(lead, { ms: 3_000, msEach: Infinity, msCommit: 10 });
    expect(lead.isLong).toBe(true);
    upload(lead, { from: 14_000, ms: 12_000, msEach: 10, msCommit: 10 });
    expect(lead.isLong).toBe(false);
  });

  it('is at first what is left of that of the last upload for the version, for a minute and of a thousand versions', () => {
    const leads = new Leads();
    expect(leads.begin('a', 0).isLong).toBe(false);
    const long = leads.begin('a', 0);
    upload(long, { ms: 3_000, msEach: Infinity, msCommit: 10 });
    leads.end('a', long, 3_000);
    expect([leads.begin('a', 57_000).isLong, leads.begin('b', 57_000).isLong]).toEqual([true, false]);
    expect(leads.begin('a', 59_000).isLong).toBe(false);
    // One that was too short to say anything changes nothing.
    leads.end('a', leads.begin('a', 57_000), 57_000);
    expect(leads.begin('a', 59_000).isLong).toBe(false);
    for (let i = 0; i < 1_024; i++) leads.end(String(i), long, 4_000);
    expect(leads.begin('a', 4_000).isLong).toBe(false);
  });
});
