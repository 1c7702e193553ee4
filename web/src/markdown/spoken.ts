import type { Token, Tokens } from 'marked';
import { lexer } from './dialect';

const joined = (tokens: readonly Token[], between: string): string =>
  tokens.map(words).filter((text) => text !== '').join(between);

function words(token: Token): string {
  if (token.type === 'list') return joined((token as Tokens.List).items, '\n');
  if (token.type === 'table') {
    const { header, rows } = token as Tokens.Table;
    return [header, ...rows].map((cells) => cells.map(({ tokens }) => joined(tokens, '')).join(', ')).join('\n');
  }
  if (token.type === 'html' || token.type === 'space' || token.type === 'def') return '';
  if (token.type === 'noteReference') return '';
  if (token.type === 'br') return '\n';
  const { tokens, text = '' } = token as Tokens.Generic & { text?: string };
  return tokens ? joined(tokens, token.type === 'list_item' || token.type === 'blockquote' ? '\n' : '') : text;
}

// The words of a block, for reading aloud.
export const spoken = (raw: string): string => joined(lexer(raw, {}), '\n').trim();
