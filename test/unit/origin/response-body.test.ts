import { describe, expect, it } from 'vitest';
import { drain, readBody } from '../../../src/origin/response-body.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

/** Chunks, and whether they were read to their end. */
function source(...chunks: string[]) {
  const state = { closed: false, finished: false };
  async function* body(): AsyncGenerator<Buffer> {
    try {
      for (const chunk of chunks) yield Buffer.from(chunk);
      state.finished = true;
    } finally {
      state.closed = true;
    }
  }
  return { body: body(), state };
}

describe('a body', () => {
  it('is its chunks put together', async () => {
    expect((await readBody(source('a', 'bc').body, 3, 3))?.toString()).toBe('abc');
    expect((await readBody(source().body, 0))?.length).toBe(0);
  });

  it('that is too large is not read further, and its source is closed', async () => {
    const { body, state } = source('abc', 'd', 'e');
    expect(await readBody(body, 3)).toBeUndefined();
    expect(state).toEqual({ closed: true, finished: false });
  });

  it('that is not as long as announced is a failure', async () => {
    await expect(readBody(source('ab').body, 9, 3)).rejects.toThrow('announced 3 bytes and sent 2');
  });
});

describe('the rest of an answer', () => {
  it('is read to its end', async () => {
    const { body, state } = source('a', 'b');
    const clock = new FakeClock();
    await drain(body, clock);
    expect(state.finished).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is waited for no longer than a second', async () => {
    const clock = new FakeClock();
    async function* never(): AsyncGenerator<Buffer> {
      await new Promise(() => {});
      yield Buffer.alloc(0);
    }
    let ended = false;
    const draining = drain(never(), clock).then(() => (ended = true));
    await clock.advance(999);
    expect(ended).toBe(false);
    await clock.advance(1);
    await draining;
  });

  it('may fail', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      await settle();
      yield Buffer.alloc(1);
      throw new Error('cut');
    }
    await drain(failing(), new FakeClock());
  });
});
