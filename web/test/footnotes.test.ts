import { describe, expect, test } from 'vitest';
import { BlockReader } from '../src/markdown/blocks';
import { dialect, lexer } from '../src/markdown/dialect';
import { setNumbers } from '../src/markdown/footnotes';

function read(text: string): BlockReader {
  const reader = new BlockReader();
  reader.read(text);
  return reader;
}

const html = (text: string) => {
  const tokens = lexer(text, {});
  setNumbers(tokens, read(text).notes);
  return dialect.Parser.parse(tokens, dialect.defaults);
};

describe('footnotes', () => {
  test('count in the order in which the text refers to them', () => {
    const { notes } = read('One[^b], two[^a], one again[^b].\n\n[^a]: A.\n[^b]: B.\n');
    expect([...notes]).toEqual([['b', 1], ['a', 2]]);
  });

  test('are found in lists, tables and quotes', () => {
    const text = '- x[^1]\n\n| a[^2] |\n|---|\n| b[^3] |\n\n> c[^4]\n\n' + '1234'.replace(/./g, '[^$&]: note $&\n');
    expect([...read(text).notes.values()]).toEqual([1, 2, 3, 4]);
  });

  test('are references only where there is a note', () => {
    expect(read('The pattern [^abc] matches.').notes.size).toBe(0);
    expect(html('The pattern [^abc] matches.')).toBe('<p>The pattern [^abc] matches.</p>\n');
    expect(html('`[^1]` is code.\n\n[^1]: N.\n')).toContain('<code>[^1]</code>');
  });

  test('may be referred to before a colon', () => {
    expect(html('As follows[^1]: so.\n\n[^1]: N.\n')).toContain('>1</button></sup>: so.');
  });

  test('have paragraphs, if these are indented', () => {
    const text = 'x[^1]\n\n[^1]: First *line*\n    goes on.\n\n    - second\n\nAfter.\n';
    expect(html(text)).toMatch(/<div class="note"[^]*First <em>line<\/em>\ngoes on\.[^]*<li>second[^]*<\/div><\/div><p>After/);
  });

  test('are numbered when the note arrives', () => {
    const reader = new BlockReader();
    reader.read('See[^1].\n\nMore text.\n\n');
    const before = reader.notes;
    reader.read('See[^1].\n\nMore text.\n\n[^1]: Not');
    expect(reader.notes.get('1')).toBe(1);
    expect(reader.notes).not.toBe(before);
    const known = reader.notes;
    reader.read('See[^1].\n\nMore text.\n\n[^1]: Note and more');
    expect(reader.notes).toBe(known); // the same object: nothing is shown anew
    reader.read('Another text.');
    expect(reader.notes.size).toBe(0);
  });
});
