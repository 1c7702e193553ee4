// Markdown that grows, cut into blocks: paragraphs, lists, pieces of code. Further text can change the last block only, so
// the others are read, and shown, once. (A block that refers to a footnote is shown again when the note arrives.)
import type { Token, TokensList } from 'marked';
import { lexer } from './dialect';
import { namesIn, numbered, type Names, type Numbers } from './footnotes';

export class BlockReader {
  closed: string[] = [];
  open = '';
  private known: TokensList['links'] = {}; // definitions of [names], of all blocks so far
  private names: Names[] = []; // of footnotes, in closed blocks that have any
  private counted: Numbers = new Map();
  private length = 0;
  private text = '';

  // `text` is the whole text so far: that of the last call, and more. (Another text is read from its beginning.)
  read(text: string): void {
    if (text === this.text) return;
    if (!text.startsWith(this.text)) {
      this.closed = [];
      this.known = {};
      this.names = [];
      this.length = 0;
    }
    this.text = text;
    const tokens = lexer(text.slice(this.length), this.known).filter((token) => token.raw !== '');
    let last = tokens.length - 1;
    while (last > 0 && tokens[last]!.type === 'space') --last;
    // A block may still continue while the line after it is incomplete: "-" is a list, "-5" is not.
    if (last > 0 && !tokens[last]!.raw.includes('\n')) --last;
    while (last > 0 && tokens[last]!.type === 'space') --last;
    let raw = '';
    const closing = tokens.slice(0, Math.max(last, 0));
    for (const token of closing) {
      raw += token.raw;
      this.length += token.raw.length;
      if (token.type === 'space') continue;
      this.closed.push(raw);
      raw = '';
    }
    this.length -= raw.length;
    this.open = text.slice(this.length);
    this.count(closing, tokens.slice(closing.length));
  }

  // The map stays the same object while the numbers do.
  private count(closing: readonly Token[], open: readonly Token[]): void {
    const closed = namesIn(closing);
    if (closed.references.length + closed.notes.length > 0) this.names.push(closed);
    const now = numbered([...this.names, namesIn(open)]);
    const equal = now.size === this.counted.size && [...now].every(([name, n]) => this.counted.get(name) === n);
    if (!equal) this.counted = now;
  }

  get notes(): Numbers {
    return this.counted;
  }

  get links(): TokensList['links'] {
    return this.known;
  }
}
