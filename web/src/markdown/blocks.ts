// Markdown that grows. What was read of it is cut into blocks: paragraphs, lists, pieces of code. Text that comes later
// can change the last block only, so the others are read, and shown, once.
import type { TokensList } from 'marked';
import { lexer } from './dialect';

export class BlockReader {
  closed: string[] = [];
  open = '';
  private known: TokensList['links'] = {}; // definitions of [names], of all blocks so far
  private length = 0;
  private text = '';

  // `text` is all of it so far: what it was the last time, and more. (Another text is read from its beginning.)
  read(text: string): void {
    if (text === this.text) return;
    if (!text.startsWith(this.text)) {
      this.closed = [];
      this.known = {};
      this.length = 0;
    }
    this.text = text;
    const tokens = lexer(text.slice(this.length), this.known).filter((token) => token.raw !== '');
    let last = tokens.length - 1;
    while (last > 0 && tokens[last]!.type === 'space') --last;
    // A block may still turn out to go on as long as the line behind it has no end: "-" is a list, "-5" is not.
    if (last > 0 && !tokens[last]!.raw.includes('\n')) --last;
    while (last > 0 && tokens[last]!.type === 'space') --last;
    let raw = '';
    for (const token of tokens.slice(0, Math.max(last, 0))) {
      raw += token.raw;
      this.length += token.raw.length;
      if (token.type === 'space') continue;
      this.closed.push(raw);
      raw = '';
    }
    this.length -= raw.length;
    this.open = text.slice(this.length);
  }

  get links(): TokensList['links'] {
    return this.known;
  }
}
