import { signal } from '@preact/signals';
import { memo } from 'preact/compat';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { TokensList } from 'marked';
import { BlockReader } from '../markdown/blocks';
import { extensionOf } from '../markdown/extension';
import type { Numbers } from '../markdown/footnotes';
import { previewKind } from '../markdown/preview';
import { safeHtml, useHighlight } from '../markdown/render';
import { download } from '../state/files';
import { copy } from './copy';
import { preview } from './preview';

type SetFormula = (element: HTMLElement) => void;

// Both are loaded when they are first needed.
const hasHighlight = signal(false);
const setFormula = signal<SetFormula | null>(null);
let asked = { highlight: false, mathematics: false };

function load(html: string): void {
  if (!asked.highlight && html.includes('<pre')) {
    asked = { ...asked, highlight: true };
    void import('../markdown/highlight').then(({ highlight }) => {
      useHighlight(highlight);
      hasHighlight.value = true;
    });
  }
  if (!asked.mathematics && html.includes('data-tex')) {
    asked = { ...asked, mathematics: true };
    void import('../markdown/mathematics').then((module) => (setFormula.value = module.setFormula));
  }
}

interface BlockProps {
  raw: string;
  links: TokensList['links'];
  notes: Numbers; // of the whole text's footnotes
}

const kNoNotes: Numbers = new Map();

const Block = memo(
  ({ raw, links, notes }: BlockProps) => {
    const element = useRef<HTMLDivElement>(null);
    const html = useMemo(() => safeHtml(raw, links, notes), [raw, notes, hasHighlight.value]);
    const formula = setFormula.value;
    useLayoutEffect(() => {
      load(String(html));
      if (formula) element.current!.querySelectorAll<HTMLElement>('.math:not([data-set])').forEach(formula);
    }, [html, formula]);
    return <div ref={element} class="block" dangerouslySetInnerHTML={{ __html: html }} />;
  },
  (before, after) => before.raw === after.raw && before.notes === after.notes,
);

// The buttons of code blocks: one listener for a whole text, since blocks are HTML without listeners.
function onCodeButton(event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLButtonElement>('figure.code figcaption button');
  const figure = button?.closest('figure');
  const code = figure?.querySelector('code')?.textContent;
  if (!button || !figure || code === null || code === undefined) return;
  if (button.className === 'wrap') {
    button.textContent = figure.classList.toggle('wrapped') ? 'Unwrap' : 'Wrap';
    return;
  }
  const language = figure.querySelector('figcaption span')?.textContent ?? '';
  if (button.className === 'preview') {
    const kind = previewKind(language, code);
    if (kind) preview(kind, code);
    return;
  }
  if (button.className === 'download') {
    download(`code.${extensionOf(language)}`, 'text/plain', code);
    return;
  }
  void copy(code.replace(/\n$/, '')).then((copied) => {
    if (!copied) return;
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = 'Copy'), 1500);
  });
}

// From a reference to its footnote, and back to the first reference.
function onNoteButton(event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLButtonElement>('.note-reference, .note-back');
  if (!button) return;
  const goesBack = button.className === 'note-back';
  const name = (goesBack ? button.closest<HTMLElement>('.note')! : button).dataset.note;
  const all = (event.currentTarget as Element).querySelectorAll<HTMLElement>(goesBack ? '.note-reference' : '.note');
  const target = [...all].find(({ dataset }) => dataset.note === name);
  target?.scrollIntoView({ block: 'center' });
  target?.focus({ preventScroll: true });
}

function onClick(event: MouseEvent): void {
  onCodeButton(event);
  onNoteButton(event);
}

// A text that stays or grows. Where the text is replaced, the component must be too (by its key).
export function Markdown({ text, growing = false }: { text: string; growing?: boolean }) {
  const reader = useRef<BlockReader | null>(null);
  reader.current ??= new BlockReader();
  reader.current.read(text);
  const { closed, open, links, notes } = reader.current;
  const notesOf = (raw: string) => (raw.includes('[^') ? notes : kNoNotes);
  return (
    <div class={growing ? 'markdown growing' : 'markdown'} onClick={onClick}>
      {closed.map((raw, i) => (
        <Block key={i} raw={raw} links={links} notes={notesOf(raw)} />
      ))}
      {open !== '' && <Block key={closed.length} raw={open} links={links} notes={notesOf(open)} />}
    </div>
  );
}
