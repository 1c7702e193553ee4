import { expect, test } from 'vitest';
import { faultOfSchema, structureOf, Verbatim } from '../src/conversation/json';
import { wireOf } from '../src/conversation/wire';
import type { Message } from '../src/conversation/types';

test('objects and lists have a structure, other texts have none', () => {
  expect(structureOf(' {"a": "x", "b": [true, null]} ')).toEqual({ a: 'x', b: [true, null] });
  expect(structureOf('[]')).toEqual([]);
  for (const text of ['', 'a', '7', '"x"', '{"a":', '[1] and more', '{a: 1}']) expect(structureOf(text)).toBeUndefined();
});

test('numbers keep their digits where the engine tells them', () => {
  const [value] = structureOf('[123456789012345678901]') as unknown[];
  if (value instanceof Verbatim) expect(value.text).toBe('123456789012345678901');
  else expect(typeof value).toBe('number');
});

test('a schema is a JSON object', () => {
  expect(faultOfSchema('{"type": "object"}')).toBe('');
  expect(faultOfSchema('  ')).toBe('');
  expect(faultOfSchema('[]')).toContain('object');
  expect(faultOfSchema('{')).toContain('not JSON');
});

test('an answer with calls is followed by their results', () => {
  const message: Message = {
    id: 'm', conversation: 'c', parent: null, role: 'assistant', content: 'Let me look.', created: 1, state: 'done',
    calls: [
      { id: '1', name: 'f', arguments: '{}', state: 'done', result: '7' },
      { id: '2', name: 'g', arguments: '{"a":1}', state: 'asked' },
    ],
  };
  const [said, ...results] = wireOf(message);
  expect(said!.tool_calls!.map(({ id, function: { name } }) => [id, name])).toEqual([['1', 'f'], ['2', 'g']]);
  expect(results).toEqual([
    { role: 'tool', content: '7', tool_call_id: '1' },
    { role: 'tool', content: 'The call was not made.', tool_call_id: '2' },
  ]);
  expect(wireOf({ ...message, calls: undefined })).toEqual([{ role: 'assistant', content: 'Let me look.' }]);
});
