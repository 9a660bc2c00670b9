import { describe, expect, it } from 'vitest';
import { readBody } from '../../../src/http/request-body.ts';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { requestOf } from '../../support/call-handler.ts';

const limit = { maxBytes: 10, tooLarge: 'value-too-large' } as const;
const read = (body: string, headers: Record<string, string> = {}, more = {}): Promise<Buffer> =>
  readBody(requestOf({ method: 'PUT', body, headers }), { ...limit, ...more });

describe('the body of a request', () => {
  it.each(['', 'ten bytes.'])('is read: %j', async (body) => {
    expect((await read(body)).toString()).toBe(body);
  });

  it('is refused where it is too large, whether it says so or not', async () => {
    const refused = { code: 'value-too-large', message: 'At most 10 bytes are accepted.' };
    await expect(read('', { 'content-length': '11' })).rejects.toMatchObject(refused);
    await expect(read('eleven byte')).rejects.toMatchObject(refused);
    await expect(read('eleven byte', {}, { tooLarge: 'body-too-large' })).rejects.toMatchObject({
      code: 'body-too-large',
    });
  });

  it('takes memory as it announced, four times its length', async () => {
    const budget = new ByteBudget(100);
    await read('hello', { 'content-length': '5' }, { charge: budget.open() });
    expect(budget.usedBytes).toBe(20);
    const full = new ByteBudget(10).open();
    await expect(read('hello', { 'content-length': '5' }, { charge: full })).rejects.toMatchObject({
      code: 'overloaded',
    });
  });

  it('that the host has not passed on, because it came in chunks, is not taken for an empty one', async () => {
    const chunked = { 'transfer-encoding': 'chunked' };
    await expect(read('', chunked)).rejects.toMatchObject({ code: 'length-required' });
    expect((await read('', { ...chunked, 'content-length': '0' })).length).toBe(0);
    expect((await read('hello', chunked)).toString()).toBe('hello');
  });
});
