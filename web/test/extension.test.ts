import { expect, test } from 'vitest';
import { extensionOf } from '../src/markdown/extension';

test('the ending of a file of code', () => {
  expect(extensionOf('python')).toBe('py');
  expect(extensionOf('c++')).toBe('cpp');
  expect(extensionOf('json')).toBe('json');
  expect(extensionOf('text')).toBe('txt');
  expect(extensionOf('valueof')).toBe('valueof'); // no property of an object
});

test('what cannot be an ending becomes txt', () => {
  for (const language of ['', 'constructor!', '../x', 'objective-c++', 'a.b', 'Constructor name'])
    expect(extensionOf(language)).toBe('txt');
});
