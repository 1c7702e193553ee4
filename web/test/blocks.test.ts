import { describe, expect, test } from 'vitest';
import { BlockReader } from '../src/markdown/blocks';

const blocksOf = (text: string) => {
  const reader = new BlockReader();
  reader.read(text);
  return [...reader.closed, reader.open];
};

// Character by character, as slowly as it can come.
const grown = (text: string) => {
  const reader = new BlockReader();
  for (let i = 1; i <= text.length; ++i) {
    reader.read(text.slice(0, i));
    expect([...reader.closed, reader.open].join('')).toBe(text.slice(0, i));
  }
  return [...reader.closed, reader.open];
};

const kTexts: Record<string, string> = {
  paragraphs: 'One.\nStill one.\n\nTwo.\n\nThree.',
  'a list with empty lines': '- a\n\n- b\n\n  more of b\n\n- c\n\nAfter.\n',
  'code with empty lines': 'Before:\n\n```python\na = 1\n\nb = 2\n```\n\nAfter `x`.\n',
  'code that begins with tildes': '~~~\n```\n~~~\ntext\n',
  'a table': 'Text\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nAfter\n',
  footnotes: 'See[^1] and[^b].\n\n[^1]: A note\n    goes on.\n\n    Its second paragraph.\n\n[^b]: B.\nAfter[^1].\n',
  headings: '# One\ntext\n## Two\ntext\n#hashtag\n',
  'an underlined heading': 'Title\n=====\n\ntext\n\nOther\n---\ntext',
  'a minus that is none of a list': 'text\n-5 degrees\n\n- a\n-5\n',
  formulas: 'So\n\n$$\na = b\n$$\n\nand \\(x\\).\n\n\\[\ny\n\\]\n\nEnd',
  quotes: '> a\n> b\n\nc\n> d\n',
  'numbers and lists': '1. a\n2. b\n   - c\n\n3. d\n\n10 things\n',
  rules: 'a\n\n---\n\nb\n***\nc\n',
};

describe('blocks of Markdown', () => {
  for (const [name, text] of Object.entries(kTexts))
    test(`${name}: the same however it comes`, () => {
      const whole = blocksOf(text);
      // Growing may hold a block open for longer, never cut it elsewhere.
      expect(grown(text).join('')).toBe(whole.join(''));
      const cuts = (blocks: string[]) => new Set(blocks.map((_, i) => blocks.slice(0, i).join('').length));
      const all = cuts(whole);
      for (const cut of cuts(grown(text))) expect(all, `a cut at ${cut}`).toContain(cut);
    });

  test('what is closed stays as it is', () => {
    const reader = new BlockReader();
    const text = Array.from({ length: 50 }, (_, i) => `Paragraph ${i} with a few words.\n\n`).join('');
    let closed: string[] = [];
    for (let i = 0; i <= text.length; i += 7) {
      reader.read(text.slice(0, i));
      expect(reader.closed.slice(0, closed.length)).toEqual(closed);
      closed = [...reader.closed];
    }
    expect(closed.length).toBeGreaterThan(47);
    expect(reader.open.length).toBeLessThan(80);
  });

  test('definitions are known to what follows', () => {
    const reader = new BlockReader();
    reader.read('[a]: https://example.org/\n\nSee [a].\n\nEnd.\n');
    expect(reader.links.a?.href).toBe('https://example.org/');
  });
});
