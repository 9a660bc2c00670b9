import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../../local/commands/arguments.ts';

describe('options of npm start', () => {
  it('have defaults', () => {
    expect(parseOptions([])).toEqual({
      instances: 1,
      tokenLifetimeMs: 600_000,
      port: undefined,
      flex: false,
      cluster: false,
      entraCallers: false,
      help: false,
    });
  });

  it('are read', () => {
    const parameters = [
      '--instances',
      '3',
      '--token-lifetime=20s',
      '--port',
      '8080',
      '--flex',
      '--cluster',
      '--callers=entra',
    ];
    expect(parseOptions(parameters)).toMatchObject({
      instances: 3,
      tokenLifetimeMs: 20_000,
      port: 8080,
      flex: true,
      cluster: true,
      entraCallers: true,
    });
  });

  it.each([
    [['--instances', '0'], '--instances: expected a whole number from 1 to 16, got "0".'],
    [['--instances', 'many'], 'got "many"'],
    [['--token-lifetime', '1s'], 'expected a time from 5s to 24h'],
    [['--token-lifetime', '20'], 'like 20s, 10m or 1h; got "20"'],
    [['--callers', 'anybody'], '--callers: expected "entra" or "function-key", got "anybody"'],
    [['--port', '70000'], '--port: expected'],
    [['--bogus'], 'Options:'],
    [['stray'], 'Options:'],
  ])('that are wrong are told, with what was expected: %s', (parameters, message) => {
    expect(() => parseOptions(parameters)).toThrow(message);
  });
});
