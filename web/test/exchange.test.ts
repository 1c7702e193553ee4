import { expect, test } from 'vitest';
import { fileName, fromJson, toJson, toMarkdown, type Bundle } from '../src/conversation/exchange';

const bundle: Bundle = {
  conversation: {
    id: 'c', title: 'A title', created: 1, updated: 2, leaf: 'b', model: 'm',
    settings: { temperature: 0, stop: ['x'], system: 'Be brief.\nBe kind.', thinking: 'off' },
  },
  messages: [
    { id: 'a', conversation: 'c', parent: null, role: 'user', content: 'Hi', created: 1, state: 'done' },
    { id: 'b', conversation: 'c', parent: 'a', role: 'assistant', content: 'Hello', thoughts: 'hm', created: 2, state: 'done', model: 'm', finish: 'stop' },
    { id: 'd', conversation: 'c', parent: 'a', role: 'assistant', content: 'Another', created: 3, state: 'stopped' },
  ],
};

test('what is exported can be imported', () => {
  expect(fromJson(toJson([bundle]))).toEqual({ bundles: [bundle], presets: [] });
  const presets = [{ name: 'Terse', settings: { system: 'Be brief.', temperature: 0 } }];
  expect(fromJson(toJson([], presets))).toEqual({ bundles: [], presets });
});

test('an answer that was coming is one that was interrupted', () => {
  const coming = { ...bundle, messages: [{ ...bundle.messages[0]!, state: 'streaming' as const }] };
  expect(fromJson(toJson([coming])).bundles[0]!.messages[0]!.state).toBe('interrupted');
});

const json = JSON.parse(toJson([bundle])) as {
  conversations: Record<string, unknown>[];
  presets?: unknown;
  version: number;
  format: string;
};
const broken = (how: (copy: typeof json) => void) => {
  const copy = structuredClone(json);
  how(copy);
  return () => fromJson(JSON.stringify(copy));
};

test('what is no export is refused, with the place', () => {
  expect(() => fromJson('{')).toThrow(/^the file is not JSON/);
  expect(() => fromJson('[]')).toThrow('the file is not an export of this page');
  expect(broken((c) => (c.version = 2))).toThrow('version 2');
  expect(broken((c) => (c.conversations[0]!.title = 5))).toThrow('conversations[0].title is not a text');
  expect(broken((c) => (c.conversations[0]!.messages = {}))).toThrow('conversations[0].messages is not a list');
  expect(broken((c) => ((c.conversations[0]!.messages as { role: string }[])[1]!.role = 'system'))).toThrow(
    'conversations[0].messages[1].role is neither user nor assistant',
  );
  expect(broken((c) => (c.conversations[0]!.created = '1'))).toThrow('conversations[0].created is not a number');
  expect(broken((c) => (c.presets = {}))).toThrow('presets is not a list');
  expect(broken((c) => (c.presets = [{ name: ' ' }]))).toThrow('presets[0].name is empty');
  expect(broken((c) => (c.presets = [{ settings: {} }]))).toThrow('presets[0].name is not a text');
});

test('settings of a file are taken where they have the right type', () => {
  const { bundles: [imported] } = broken((c) => (c.conversations[0]!.settings = { temperature: 'hot', top_k: 4, evil: 1, stop: ['a', 5] }))();
  expect(imported!.conversation.settings).toEqual({ top_k: 4, stop: ['a'] });
});

test('Markdown has the branch that is shown', () => {
  const text = toMarkdown(bundle);
  expect(text).toMatch(/^# A title\n\n> Be brief\.\n> Be kind\.\n\n## You\n\nHi\n\n## m\n/);
  expect(text).toContain('Hello');
  expect(text).not.toContain('Another');
});

test('names of files', () => {
  expect(fileName('What is 7 + 5?', 'md')).toBe('what-is-7-5.md');
  expect(fileName('../..', 'json')).toBe('conversation.json');
  expect(fileName('日本語', 'md')).toBe('日本語.md');
});
