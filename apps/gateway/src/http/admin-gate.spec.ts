/** Where a request must come to, and how, to manage models. */
import { whyElsewhere, type Arrival } from './admin-gate.js';

const HOST = { host: '127.0.0.1:8080' };
const LOCAL = '127.0.0.1';

function local(headers: Arrival['headers']): Arrival {
  return { localAddress: LOCAL, headers: { ...HOST, ...headers } };
}

describe('for the machine itself', () => {
  it.each([
    ['127.0.0.1', HOST],
    ['127.8.8.8', HOST],
    ['::1', { host: '[::1]:8080' }],
    ['::ffff:127.0.0.1', { host: 'localhost' }],
    [LOCAL, { host: 'LOCALHOST:8080', 'sec-fetch-site': 'none' }],
    [LOCAL, { ...HOST, 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1:8080' }],
  ])('a request to %s with %j is answered', (localAddress, headers) => {
    expect(whyElsewhere({ localAddress, headers }, '127.0.0.1')).toBeUndefined();
  });

  it.each<[string, Arrival, RegExp]>([
    ['another address of the machine', { localAddress: '10.0.0.5', headers: HOST }, /on the machine itself/],
    ['an IPv6 address of the machine', { localAddress: '2001:db8::1', headers: HOST }, /on the machine itself/],
    ['a connection that is gone', { localAddress: undefined, headers: HOST }, /on the machine itself/],
    ['Forwarded', local({ forwarded: 'for=1.2.3.4' }), /through a proxy/],
    ['X-Forwarded-For', local({ 'x-forwarded-for': '1.2.3.4' }), /through a proxy/],
    ['X-Forwarded-Proto', local({ 'x-forwarded-proto': 'https' }), /through a proxy/],
    ['Via', local({ via: '1.1 nginx' }), /through a proxy/],
    ['X-Real-IP', local({ 'x-real-ip': '127.0.0.1' }), /through a proxy/],
    ['a name that a page has given this machine', local({ host: 'evil.example:8080' }), /under the name localhost/],
    ['a name that begins like ours', local({ host: 'localhost.evil.example' }), /under the name localhost/],
    ['an address that begins like ours', local({ host: '127.0.0.1.evil.example' }), /under the name localhost/],
    ['no Host', local({ host: undefined }), /under the name localhost/],
    ['another origin', local({ origin: 'https://evil.example' }), /pages of another site/],
    ['the origin of a sandboxed page', local({ origin: 'null' }), /pages of another site/],
    ['the same host on another port', local({ origin: 'http://127.0.0.1:3000' }), /pages of another site/],
    ['Sec-Fetch-Site: cross-site', local({ 'sec-fetch-site': 'cross-site' }), /pages of another site/],
    ['Sec-Fetch-Site: same-site', local({ 'sec-fetch-site': 'same-site' }), /pages of another site/],
  ])('one with %s is not', (_, arrival, why) => {
    expect(whyElsewhere(arrival, '127.0.0.1')).toMatch(why);
  });
});

describe('opened to an address', () => {
  const proxied = { host: 'models.example.com', 'x-forwarded-for': '1.2.3.4' };

  it.each([
    ['10.0.0.5', '10.0.0.5'],
    ['::ffff:10.0.0.5', '10.0.0.5'],
    ['2001:db8::1', '2001:0db8:0::1'],
    ['192.168.1.1', '0.0.0.0'],
    ['2001:db8::1', '::'],
    ['127.0.0.1', '10.0.0.5'],
  ])('a request to %s is answered where %s was named, through a proxy too', (localAddress, host) => {
    expect(whyElsewhere({ localAddress, headers: proxied }, host)).toBeUndefined();
  });

  it('no other address answers, and no page of another site is let in', () => {
    expect(whyElsewhere({ localAddress: '10.0.0.6', headers: proxied }, '10.0.0.5')).toContain('10.0.0.5');
    const foreign = { ...proxied, origin: 'https://evil.example' };
    expect(whyElsewhere({ localAddress: '10.0.0.5', headers: foreign }, '0.0.0.0')).toMatch(/pages of another site/);
  });
});
