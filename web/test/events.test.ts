import { expect, test } from 'vitest';
import { EventReader } from '../src/api/events';

test('events come whole, wherever the text was cut', () => {
  const text = 'data: {"a":1}\n\n: a comment\n\ndata: two\ndata: lines\n\nevent: x\r\ndata:three\r\n\r\ndata: [DONE]\n\n';
  const expected = ['{"a":1}', 'two\nlines', 'three', '[DONE]'];
  for (let cut = 0; cut <= text.length; ++cut) {
    const reader = new EventReader();
    expect([...reader.take(text.slice(0, cut)), ...reader.take(text.slice(cut))], `cut at ${cut}`).toEqual(expected);
  }
  const slow = new EventReader();
  expect([...text].flatMap((character) => slow.take(character))).toEqual(expected);
});

test('what is not whole waits', () => {
  const reader = new EventReader();
  expect(reader.take('data: half')).toEqual([]);
  expect(reader.take(' and half\n')).toEqual([]);
  expect(reader.take('\n')).toEqual(['half and half']);
});
