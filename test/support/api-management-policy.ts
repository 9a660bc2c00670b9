// Policies of API Management, read as XML: the requests that they send, with what an expression stands for put in.

import { SaxesParser } from 'saxes';

export interface PolicyElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: PolicyElement[];
  text: string;
}

/** @throws Error where it is not well-formed. */
export function parsePolicy(xml: string): PolicyElement {
  const parser = new SaxesParser();
  const root: PolicyElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, attributes: { ...attributes }, children: [], text: '' };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on('text', (text) => {
    const last = open.at(-1);
    if (last !== undefined) last.text += text;
  });
  parser.on('closetag', () => open.pop());
  parser.on('error', (error) => {
    throw error;
  });
  parser.write(xml).close();
  const [document] = root.children;
  if (document === undefined) throw new Error('There is no element.');
  return document;
}

export function elementsIn(element: PolicyElement, name: string): readonly PolicyElement[] {
  const below = element.children.flatMap((child) => elementsIn(child, name));
  return element.name === name ? [element, ...below] : below;
}

export interface PolicyRequest {
  readonly method: string;
  readonly url: string;
  /** By the field's name in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly hasBody: boolean;
  /** Undefined where it is sent without a token. */
  readonly tokenFor: string | undefined;
}

/** @param values what a name or an expression stands for. */
export function requestsIn(
  policy: PolicyElement,
  values: Readonly<Record<string, string>>,
): readonly PolicyRequest[] {
  return elementsIn(policy, 'send-request').map((request) => {
    const only = (name: string): PolicyElement | undefined =>
      request.children.find((child) => child.name === name);
    const headers = request.children.filter(({ name }) => name === 'set-header');
    const resource = only('authentication-managed-identity')?.attributes['resource'];
    return {
      method: only('set-method')?.text ?? '',
      url: evaluated(only('set-url')?.text ?? '', values),
      headers: Object.fromEntries(
        headers.map(({ attributes, children }) => [
          attributes['name']?.toLowerCase() ?? '',
          evaluated(children[0]?.text ?? '', values),
        ]),
      ),
      hasBody: only('set-body') !== undefined,
      tokenFor: resource && evaluated(resource, values),
    };
  });
}

/** Named values, and sums of texts and of expressions that `values` has. */
function evaluated(text: string, values: Readonly<Record<string, string>>): string {
  const named = text.replaceAll(/\{\{([\w-]+)\}\}/gu, (_, name: string) => valueOf(name, values));
  const [, expression] = /^@\((.*)\)$/su.exec(named) ?? [];
  if (expression === undefined) return named;
  const part = (one: string): string => /^"(.*)"$/u.exec(one)?.[1] ?? valueOf(one, values);
  return expression in values ? valueOf(expression, values) : expression.split(' + ').map(part).join('');
}

function valueOf(name: string, values: Readonly<Record<string, string>>): string {
  const value = values[name];
  if (value === undefined) throw new Error(`No value is known for ${name}.`);
  return value;
}
