import { describe, expect, it } from 'vitest';
import { listPage, readPage } from '../../../../src/origin/blob/listing.ts';
import { startStorage } from '../../../support/storage-service.ts';

const blob = (name: string, more = ''): string =>
  `<Blob>${name}<Properties><Etag>0x8D</Etag><Content-Length>12</Content-Length><BlobType>BlockBlob</BlobType></Properties>${more}</Blob>`;
const page = (blobs: string, marker = ''): string =>
  `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="c"><Prefix>p</Prefix><Blobs>${blobs}</Blobs><NextMarker>${marker}</NextMarker></EnumerationResults>`;
const keysOf = (xml: string): string[] => readPage(xml).entries.map(({ key }) => key);

describe('a page of a listing', () => {
  it('has the name, entity tag and size of each blob, and where the next one begins', () => {
    expect(readPage(page(blob('<Name>a</Name>') + blob('<Name>b</Name>'), 'next'))).toEqual({
      entries: [
        { key: 'a', etag: '"0x8D"', bytes: 12 },
        { key: 'b', etag: '"0x8D"', bytes: 12 },
      ],
      continuationToken: 'next',
    });
  });

  it.each([
    ['<Name>a &amp;&lt;&gt;&quot;&apos; &#252; ü 🔑</Name>', `a &<>"' ü ü 🔑`],
    ['<Name> 007 </Name>', ' 007 '],
    ['<Name>a%20b</Name>', 'a%20b'],
    ['<Name Encoded="true">a%EF%BF%BF%20b</Name>', 'a\uFFFF b'],
    ['<Name><![CDATA[<x>&amp;]]></Name>', '<x>&amp;'],
  ])('reads %s', (name, expected) => {
    expect(keysOf(page(blob(name)))).toEqual([expected]);
  });

  it('has no directories of a hierarchical namespace, and blobs with other metadata', () => {
    const directory = blob('<Name>d</Name>', '<Metadata><hdi_isfolder>True</hdi_isfolder></Metadata>');
    const other = blob('<Name>f</Name>', '<Metadata><Name>x</Name><Etag>y</Etag></Metadata>');
    expect(keysOf(page(directory + other))).toEqual(['f']);
  });

  it('has the tags that metadata name, in whatever letters', () => {
    const [lower, mixed, none] = [
      '<Metadata><cachetags>a, b</cachetags></Metadata>',
      '<Metadata><CacheTags>c</CacheTags></Metadata>',
      '',
    ].map((metadata) => blob('<Name>a</Name>', metadata));
    const { entries } = readPage(page(`${lower}${mixed}${none}`));
    expect(entries.map(({ tagging }) => tagging)).toEqual([
      { tags: ['a', 'b'], restrictions: [] },
      { tags: ['c'], restrictions: [] },
      undefined,
    ]);
    const broken = blob('<Name>a</Name>', '<Metadata><cachetags>a b</cachetags></Metadata>');
    expect(readPage(page(broken)).entries[0]?.tagging?.restrictions).toHaveLength(1);
  });

  it('may be empty', () => {
    const xml = '<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>';
    expect(readPage(xml)).toEqual({ entries: [], continuationToken: undefined });
  });

  it.each(['', 'not XML', '<EnumerationResults>', '<a></b>', '<a>&nope;</a>', '<a/><b/>'])(
    'is refused where it is not well formed: %j',
    (xml) => {
      expect(() => readPage(xml)).toThrow();
    },
  );
});

describe('asking for a page', () => {
  const query = { prefix: '', continuationToken: undefined };
  const { signal } = new AbortController();

  it('names the prefix and the page', async () => {
    await using storage = await startStorage();
    const target =
      '/c?restype=container&comp=list&include=metadata&maxresults=1000&prefix=a%20b%2F%2B&marker=m%26';
    storage.server.put(target, { body: page(blob('<Name>a b/+1</Name>')) });
    const listed = await listPage(
      storage.service,
      { containerUrl: `${storage.server.url}/c`, prefix: 'a b/+', continuationToken: 'm&' },
      signal,
    );
    expect(listed.entries).toHaveLength(1);
  });

  it.each([
    [
      'storage refuses it',
      { status: 403, headers: { 'x-ms-error-code': 'AuthorizationFailure' } },
      /network/,
    ],
    ['it is no XML', { status: 200, body: 'a portal' }, /well-formed/],
    ['its end is not announced', 'no-length', /no length/],
    ['it is cut', 'cut', /cut/],
  ] as const)('fails where %s', async (_why, behaviour, message) => {
    await using storage = await startStorage();
    storage.server.behaviour = behaviour;
    storage.server.put('/c?restype=container&comp=list&include=metadata&maxresults=1000', { body: page('') });
    const asking = listPage(storage.service, { containerUrl: `${storage.server.url}/c`, ...query }, signal);
    await expect(asking).rejects.toThrow(message);
  });

  it('is repeated once where storage is busy', async () => {
    await using storage = await startStorage();
    storage.server.behaviour = { status: 503, headers: { 'x-ms-error-code': 'ServerBusy' } };
    const asking = listPage(storage.service, { containerUrl: `${storage.server.url}/c`, ...query }, signal);
    const outcome = expect(asking).rejects.toThrow('503 ServerBusy');
    await storage.advanceUntil(() => storage.server.loads() === 2);
    await outcome;
    expect(storage.server.loads()).toBe(2);
  });
});
