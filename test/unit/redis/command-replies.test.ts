import { expect, it } from 'vitest';
import { takeInReplies } from '../../../src/redis/command-replies.ts';
import { ReplyError } from '../../../src/redis/reply-error.ts';
import { ScriptedConnection, ScriptedServer } from '../../support/scripted-server.ts';
import { tokenOf } from '../../support/tokens.ts';

function open() {
  const server = new ScriptedServer();
  const { client } = new ScriptedConnection(server, tokenOf(0, 1000), 'cache', () => {});
  const seen: string[] = [];
  takeInReplies(client, {
    onAccepted: (args) => seen.push(`accepted ${args.join(' ')}`),
    onError: (args, { reply }) => seen.push(`${reply.kind} ${args.join(' ')}`),
  });
  return { server, client, seen };
}

it('what is observed are the words that are sent, whichever way a command is given', async () => {
  const { client, seen } = open();
  await client.get('a');
  await client.withTypeMapping({}).getRange('a', 0, 9);
  await client.sendCommand(['CLUSTER', 'SLOTS']);
  await client.eval('script', { keys: ['k'], arguments: ['x'] });
  expect(seen).toEqual([
    'accepted GET a',
    'accepted GETRANGE a 0 9',
    'accepted CLUSTER SLOTS',
    'accepted EVAL script 1 k x',
  ]);
});

it('an error reply has its type before anybody sees it, and is seen where its caller ignores it', async () => {
  const { server, client, seen } = open();
  server.answer = () => ({ error: 'NOPERM no permission' });
  await expect(client.get('a')).rejects.toBeInstanceOf(ReplyError);
  await client.exists('b').catch(() => {});
  expect(seen).toEqual(['refused GET a', 'refused EXISTS b']);
});

it('any other failure stays as it is, and is no reply', async () => {
  const { client, seen } = open();
  client.destroy();
  await expect(client.get('a')).rejects.toThrow('The client is closed');
  expect(seen).toEqual([]);
});
