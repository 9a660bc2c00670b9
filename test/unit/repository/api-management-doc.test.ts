// The policies in docs/api-management.md are XML in the order that API Management asks for.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { elementsIn, parsePolicy } from '../../support/api-management-policy.ts';
import { parseMarkdown } from '../../support/markdown.ts';

const path = join(import.meta.dirname, '../../../docs/api-management.md');
const page = parseMarkdown(await readFile(path, 'utf8'));
const policies = page.sections
  .flatMap(({ blocks }) => blocks)
  .filter(({ language }) => language === 'xml')
  .map(({ text }) => parsePolicy(text));

/** https://learn.microsoft.com/azure/api-management/send-request-policy */
const orderOfRequest = [
  'set-url',
  'set-method',
  'set-header',
  'set-body',
  'authentication-managed-identity',
] as const;

describe('the policies for API Management', () => {
  it('have the four sections, each with what is above it', () => {
    expect(policies).toHaveLength(2);
    for (const policy of policies) {
      expect(policy.children.map(({ name }) => name)).toEqual(['inbound', 'backend', 'outbound', 'on-error']);
      for (const section of policy.children) expect(section.children[0]?.name).toBe('base');
    }
  });

  it('have the parts of a request in the order that counts, each with the identity and a limit', () => {
    const requests = policies.flatMap((policy) => elementsIn(policy, 'send-request'));
    expect(requests).toHaveLength(2);
    for (const { children, attributes } of requests) {
      const order = children.map(({ name }) => (orderOfRequest as readonly string[]).indexOf(name));
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(order).not.toContain(-1);
      expect(children.at(-1)?.name).toBe('authentication-managed-identity');
      expect(attributes).toMatchObject({ 'ignore-error': 'true', timeout: '3' });
    }
  });

  it('name the audience by the same value everywhere, and hold no key', () => {
    const identities = policies.flatMap((policy) => elementsIn(policy, 'authentication-managed-identity'));
    expect(new Set(identities.map(({ attributes }) => attributes['resource']))).toEqual(
      new Set(['{{cache-audience}}']),
    );
    expect(page.code.filter((code) => /x-functions-key/u.test(code))).toEqual([]);
  });
});
