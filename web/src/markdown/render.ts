// Markdown to HTML that can do nothing. HTML in it is shown as it was written, and images are links: nothing that a model
// writes is fetched unless the reader follows a link.
import DOMPurify from 'dompurify';
import type { Tokens, TokensList } from 'marked';
import { dialect, lexer } from './dialect';
import { attribute, escaped } from './escape';
import { setNumbers, type Numbers } from './footnotes';
import { previewKind } from './preview';

// Highlights code of a language; the plain code if that is not possible.
export type Highlight = (code: string, language: string) => string;

let highlight: Highlight = escaped;

const kHeadingOffset = 2; // the page's own headings are above those of an answer
const kHarmless = /^<(\/?)(br|sub|sup|kbd|mark)\s*\/?>$/i;
const kSafeAddress = /^(https?:|mailto:)/i;

const link = (address: string, html: string) =>
  kSafeAddress.test(address)
    ? `<a href="${attribute(address)}" target="_blank" rel="noopener noreferrer nofollow">${html}</a>`
    : html;

const kNoLanguage = 'text';

dialect.use({
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => (kHarmless.test(text.trim()) ? text : escaped(text)),
    heading({ depth, tokens }: Tokens.Heading) {
      const level = Math.min(6, depth + kHeadingOffset);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
    },
    link({ href, tokens }: Tokens.Link) {
      return link(href, this.parser.parseInline(tokens));
    },
    image: ({ href, text }: Tokens.Image) => link(href, `[image: ${escaped(text || href)}]`),
    code({ text, lang }: Tokens.Code) {
      const language = /^[\w+#.-]+/.exec(lang ?? '')?.[0]?.toLowerCase() ?? kNoLanguage;
      const preview = previewKind(language, text) === null ? '' : '<button type="button" class="preview">Preview</button>';
      return (
        `<figure class="code"><figcaption><span>${escaped(language)}</span>${preview}` +
        `<button type="button" class="wrap">Wrap</button><button type="button" class="download">Download</button>` +
        `<button type="button" class="copy">Copy</button></figcaption>` +
        `<pre tabindex="0"><code>${highlight(text, language)}</code></pre></figure>`
      );
    },
    table({ header, rows }: Tokens.Table) {
      const cell = ({ tokens, align }: Tokens.TableCell, name: string) =>
        `<${name}${align ? ` class="${align}"` : ''}>${this.parser.parseInline(tokens)}</${name}>`;
      const row = (cells: Tokens.TableCell[], name: string) => `<tr>${cells.map((c) => cell(c, name)).join('')}</tr>`;
      return (
        `<div class="table" tabindex="0"><table><thead>${row(header, 'th')}</thead>` +
        `<tbody>${rows.map((cells) => row(cells, 'td')).join('')}</tbody></table></div>`
      );
    },
    checkbox: ({ checked }: Tokens.Checkbox) => (checked ? '☑ ' : '☐ '),
  },
});

const kAllowed = {
  ALLOWED_TAGS: [
    'a', 'blockquote', 'br', 'button', 'code', 'del', 'div', 'em', 'figcaption', 'figure', 'h3', 'h4', 'h5', 'h6', 'hr',
    'kbd', 'li', 'mark', 'ol', 'p', 'pre', 'span', 'strong', 'sub', 'sup', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul',
  ],
  ALLOWED_ATTR: ['class', 'data-display', 'data-note', 'data-tex', 'href', 'rel', 'start', 'tabindex', 'target', 'type'],
  ALLOW_DATA_ATTR: false,
  RETURN_TRUSTED_TYPE: true,
};

// Trusted Types if the browser has them, plain text elsewhere: for innerHTML only.
export type SafeHtml = string & { readonly safe: unique symbol };

export function safeHtml(markdown: string, links: TokensList['links'], notes: Numbers): SafeHtml {
  const tokens = lexer(markdown, links);
  setNumbers(tokens, notes);
  return DOMPurify.sanitize(dialect.Parser.parse(tokens, dialect.defaults), kAllowed) as unknown as SafeHtml;
}

export const useHighlight = (theirs: Highlight) => void (highlight = theirs);
