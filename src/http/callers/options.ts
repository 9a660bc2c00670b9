// What callers with tokens are set up with: the forms of a tenant, an audience and an authority.

export const tenantExpectation = 'the id of one tenant, or one of its domains';

/** What can stand in a path, and is no word for several tenants. */
export function isOneTenant(value: string): boolean {
  return (
    /^[\da-z](?:[\da-z.-]*[\da-z])?$/iu.test(value) && !/^(?:common|organizations|consumers)$/iu.test(value)
  );
}

const mostAudiences = 10;
export const audiencesExpectation = `the client id of the application or its App ID URI, at most ${mostAudiences} of them, each as it is in the claim aud`;

/** Of characters that can stand in a header field, and in a list. */
export function areAudiences(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > mostAudiences) return false;
  return value.every((audience) => typeof audience === 'string' && /^[\w:/.~-]{1,255}$/u.test(audience));
}

/** As AZURE_AUTHORITY_HOST is: a path would be part of no discovery document's URL. */
export function isAuthorityHost(value: string): boolean {
  const url = URL.parse(value);
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') return false;
  return url.pathname === '/' && url.search === '' && url.hash === '';
}
