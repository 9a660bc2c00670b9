// The fleet page: an HTML document that reads the fleet as JSON and draws it, with a policy that lets it do nothing else.
// It is loaded when it is first asked for.

import { randomBytes } from 'node:crypto';

export async function fleetPage() {
  const { fleetDocument } = await import('../fleet/page/document.ts');
  const nonce = randomBytes(16).toString('base64');
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  };
  return { status: 200, headers, body: fleetDocument.replaceAll('{{nonce}}', nonce) };
}
