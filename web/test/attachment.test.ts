import { expect, test } from 'vitest';
import { attachmentOf, withAttachments } from '../src/conversation/attachment';

const file = (contents: BlobPart, name = 'a.txt', type = '') => new File([contents], name, { type });

test('attachments follow the message in fences', () => {
  expect(withAttachments('Look:', [{ name: 'a.txt', text: 'one\n' }, { name: 'b', text: 'two' }])).toBe(
    'Look:\n\na.txt:\n```\none\n```\n\nb:\n```\ntwo\n```',
  );
  expect(withAttachments('', [])).toBe('');
});

test('a text cannot close its own fence', () => {
  expect(withAttachments('', [{ name: 'a', text: '````\nx' }])).toBe('a:\n`````\n````\nx\n`````');
});

test('only text is attached', async () => {
  expect(await attachmentOf(file('é'))).toEqual({ name: 'a.txt', text: 'é' });
  await expect(attachmentOf(file('x', 'a.png', 'image/png'))).rejects.toThrow('image');
  await expect(attachmentOf(file(new Uint8Array([0xff, 0xfe])))).rejects.toThrow('UTF-8');
  await expect(attachmentOf(file('a\0b'))).rejects.toThrow('not a text file');
  await expect(attachmentOf(file('x'.repeat(1_000_001)))).rejects.toThrow('1000001 bytes');
});
