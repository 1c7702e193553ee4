import { expect, test } from 'vitest';
import { folded, search } from '../src/conversation/search';
import { titleFrom, titleOf, titleRequest } from '../src/conversation/title';
import type { Conversation, Message } from '../src/conversation/types';

const conversation = (id: string, title: string): Conversation => ({ id, title, created: 0, updated: 0, leaf: null, settings: {} });
const message = (of: string, content: string): Message => ({
  id: of + content, conversation: of, parent: null, role: 'user', content, created: 0, state: 'done',
});
const all = [conversation('a', 'Foxes'), conversation('b', 'Drums')];
const said = [message('a', 'A café is where the fox drinks.'), message('b', `${'long '.repeat(30)}The fox has a drum. ${'long '.repeat(30)}`)];
const ids = (query: string) => search(query, all, said).map((found) => found.conversation.id).join('');

test('every word must be somewhere, in the title or in what was said', () => {
  expect(ids('fox')).toBe('ab');
  expect(ids('FOX drum')).toBe('b');
  expect(ids('foxes cafe')).toBe('a');
  expect(ids('nothing')).toBe('');
  expect(ids('  ')).toBe('ab');
});

test('a snippet shows where', () => {
  expect(search('fox', all, said)[1]!.snippet).toMatch(/^….*The fox has a drum\..*…$/);
  expect(search('foxes', all, said)[0]!.snippet).toBe('');
});

test('folding keeps places', () => {
  for (const text of ['Café', 'İstanbul', 'ﬁne', '👩‍👩‍👧 ok', 'ÅNGSTRÖM']) expect(folded(text)).toHaveLength(text.length);
  expect(folded('CAFÉ')).toBe('cafe');
});

test('titles', () => {
  expect(titleOf('  What is it?\nMore')).toBe('What is it?');
  expect(titleOf('word '.repeat(30))).toMatch(/^(word ){11}word…$/);
  expect(titleOf('\n')).toBe('New conversation');
});

test('titles that a model made', () => {
  expect(titleFrom('"Capital of France"')).toBe('Capital of France');
  expect(titleFrom('## **Title:** Foxes and drums.\n\nIt is about…')).toBe('Foxes and drums');
  expect(titleFrom('Titel: „Füchse“')).toBe('Füchse');
  expect(titleFrom('法国的首都')).toBe('法国的首都');
  expect(titleFrom('C++: why?')).toBe('C++: why?');
  for (const none of ['', ' \n', '""', '…\n'.slice(1), 'The capital of France is Paris and it has been for a very long time.'])
    expect(titleFrom(none)).toBeNull();
  expect(titleFrom('x'.repeat(200))).toHaveLength(61);
});

test('a title is asked for after the conversation, of which little is sent', () => {
  const asked = titleRequest([{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'x'.repeat(9000) }], 'Yes.');
  expect(asked.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user']);
  expect(asked[0]!.content).toBe('Be brief.');
  expect(asked[1]!.content).toHaveLength(2000);
  expect(asked[2]!.content).toBe('Yes.');
});
