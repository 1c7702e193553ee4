// Footnotes as GitHub has them: [^name] in the text, and "[^name]: the note" in a block of its own, whose further
// paragraphs are indented. A reference is one only where there is such a note; elsewhere its source stands.
import type { Token, TokenizerAndRendererExtension, Tokens } from 'marked';
import { attribute, escaped } from './escape';

export interface NoteToken extends Tokens.Generic {
  type: 'noteReference' | 'note';
  name: string;
  number?: number; // undefined: a reference without a note, or a note without a reference
}

const isNote = (token: Token): token is NoteToken => token.type === 'note' || token.type === 'noteReference';

const kReference = /^\[\^([^\]\s[]+)\]/;
const kNote = /^\[\^([^\]\s[]+)\]:[ \t]*([^\n]*(?:\n(?:[ \t]*\n)*(?: {4}|\t)[^\n]*)*)(?:\n|$)/;

export const kFootnotes: TokenizerAndRendererExtension[] = [
  {
    name: 'note',
    level: 'block',
    start: (text) => /^\[\^[^\]\s[]+\]:/m.exec(text)?.index,
    tokenizer(text): NoteToken | undefined {
      const match = kNote.exec(text);
      if (!match) return undefined;
      const content = match[2]!.replace(/^(?: {4}|\t)/gm, '');
      return { type: 'note', raw: match[0], name: match[1]!, tokens: this.lexer.blockTokens(content, []) };
    },
    renderer(token) {
      const { name, number, tokens } = token as NoteToken;
      const mark = number === undefined ? escaped(name) : String(number);
      return (
        `<div class="note" data-note="${attribute(name)}" tabindex="-1"><button type="button" class="note-back" ` +
        `aria-label="Back to footnote ${attribute(mark)} in the text">${mark}</button><div>${this.parser.parse(tokens!)}</div></div>`
      );
    },
  },
  {
    name: 'noteReference',
    level: 'inline',
    start: (text) => /\[\^/.exec(text)?.index,
    tokenizer(text): NoteToken | undefined {
      const match = kReference.exec(text);
      return match ? { type: 'noteReference', raw: match[0], name: match[1]! } : undefined;
    },
    renderer(token) {
      const { name, number, raw } = token as NoteToken;
      if (number === undefined) return escaped(raw);
      return (
        `<sup><button type="button" class="note-reference" data-note="${attribute(name)}" ` +
        `aria-label="Footnote ${number}">${number}</button></sup>`
      );
    },
  },
];

// Every footnote token in these, those of lists and tables among them.
function* notesIn(tokens: readonly Token[]): Generator<NoteToken> {
  for (const token of tokens) {
    if (isNote(token)) yield token;
    const { tokens: inner, items, header, rows } = token as Tokens.Generic & Partial<Tokens.Table> & { items?: Token[] };
    if (inner) yield* notesIn(inner);
    if (items) yield* notesIn(items);
    for (const cell of [...(header ?? []), ...(rows ?? []).flat()]) yield* notesIn(cell.tokens);
  }
}

// The names of a text's references and notes, in their order.
export interface Names {
  references: string[];
  notes: string[];
}

export function namesIn(tokens: readonly Token[]): Names {
  const names: Names = { references: [], notes: [] };
  for (const { type, name } of notesIn(tokens)) names[type === 'note' ? 'notes' : 'references'].push(name);
  return names;
}

export type Numbers = ReadonlyMap<string, number>;

// Footnotes count in the order in which the text refers to them.
export function numbered(all: readonly Names[]): Numbers {
  const known = new Set(all.flatMap(({ notes }) => notes));
  const numbers = new Map<string, number>();
  for (const { references } of all)
    for (const name of references) if (known.has(name) && !numbers.has(name)) numbers.set(name, numbers.size + 1);
  return numbers;
}

export function setNumbers(tokens: readonly Token[], numbers: Numbers): void {
  for (const token of notesIn(tokens)) token.number = numbers.get(token.name);
}
