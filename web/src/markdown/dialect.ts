// The Markdown that is read: GitHub's with footnotes, and mathematics as models write it.
import { Marked, type TokenizerAndRendererExtension, type Tokens, type TokensList } from 'marked';
import { attribute, escaped } from './escape';
import { kFootnotes } from './footnotes';

// The source stands in its place until the library that sets it has been loaded.
const mathematics = (tex: string, display: boolean) => {
  const name = display ? 'div' : 'span';
  return `<${name} class="math" data-tex="${attribute(tex)}" data-display="${display}">${escaped(tex)}</${name}>`;
};

const rule = (name: string, level: 'block' | 'inline', start: RegExp, whole: RegExp, display: boolean): TokenizerAndRendererExtension => ({
  name,
  level,
  start: (text) => start.exec(text)?.index,
  tokenizer(text) {
    const match = whole.exec(text);
    return match ? { type: name, raw: match[0], text: match[1]!.trim() } : undefined;
  },
  renderer: (token) => mathematics((token as Tokens.Generic).text as string, display),
});

const kMathematics = [
  rule('dollarsBlock', 'block', /^\$\$/m, /^\$\$([^$]+?)\$\$[ \t]*(?:\n|$)/, true),
  rule('bracketsBlock', 'block', /^\\\[/m, /^[ \t]*\\\[([\s\S]+?)\\\][ \t]*(?:\n|$)/, true),
  rule('dollars', 'inline', /\$\$/, /^\$\$([^$]+?)\$\$/, true),
  rule('brackets', 'inline', /\\\[/, /^\\\[([\s\S]+?)\\\]/, true),
  // As in Pandoc, so that "$5 and $6" is about money.
  rule('dollar', 'inline', /\$(?=\S)/, /^\$(?!\s)((?:\\.|[^\\$\n])+?)(?<![\s\\])\$(?!\d)/, false),
  rule('parentheses', 'inline', /\\\(/, /^\\\(([\s\S]+?)\\\)/, false),
];

export const dialect = new Marked({ gfm: true, breaks: false, extensions: [...kMathematics, ...kFootnotes] });

// Blocks of a text. It may refer to the definitions in `links`, and its own are added to them.
export function lexer(text: string, links: TokensList['links']): TokensList {
  const lexer = new dialect.Lexer(dialect.defaults);
  lexer.tokens.links = links;
  return lexer.lex(text);
}
