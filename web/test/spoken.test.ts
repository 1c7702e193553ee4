import { expect, test } from 'vitest';
import { spoken } from '../src/markdown/spoken';

test('words alone are read aloud', () => {
  expect(spoken('## A *title*')).toBe('A title');
  expect(spoken('Some **bold**, `code`, a [link](https://example.org) and $x^2$.\nOn.')).toBe(
    'Some bold, code, a link and x^2.\nOn.',
  );
  expect(spoken('- one\n- two\n  - three\n\n')).toBe('one\ntwo\nthree');
  expect(spoken('| a | b |\n|---|---|\n| 1 | 2 |\n')).toBe('a, b\n1, 2');
  expect(spoken('```js\nlet a;\n```')).toBe('let a;');
  expect(spoken('> quoted\n')).toBe('quoted');
  expect(spoken('---\n')).toBe('');
  expect(spoken('A claim[^1].\n')).toBe('A claim.');
  expect(spoken('[^1]: The *source*.\n')).toBe('The source.');
});
