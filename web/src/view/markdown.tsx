import { signal } from '@preact/signals';
import { memo } from 'preact/compat';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { TokensList } from 'marked';
import { BlockReader } from '../markdown/blocks';
import { extensionOf } from '../markdown/extension';
import { safeHtml, useHighlight } from '../markdown/render';
import { download } from '../state/files';
import { copy } from './copy';

type SetFormula = (element: HTMLElement) => void;

// Both come when they are needed first.
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
}

const Block = memo(
  ({ raw, links }: BlockProps) => {
    const element = useRef<HTMLDivElement>(null);
    const html = useMemo(() => safeHtml(raw, links), [raw, hasHighlight.value]);
    const formula = setFormula.value;
    useLayoutEffect(() => {
      load(String(html));
      if (formula) element.current!.querySelectorAll<HTMLElement>('.math:not([data-set])').forEach(formula);
    }, [html, formula]);
    return <div ref={element} class="block" dangerouslySetInnerHTML={{ __html: html }} />;
  },
  (before, after) => before.raw === after.raw,
);

// The buttons of a code block: one listener for a whole text, since a block is HTML that carries no listeners.
function onCodeButton(event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLButtonElement>('figure.code figcaption button');
  const figure = button?.closest('figure');
  const code = figure?.querySelector('code')?.textContent;
  if (!button || !figure || code === null || code === undefined) return;
  if (button.className === 'wrap') {
    button.textContent = figure.classList.toggle('wrapped') ? 'Unwrap' : 'Wrap';
    return;
  }
  if (button.className === 'download') {
    const language = figure.querySelector('figcaption span')?.textContent ?? '';
    download(`code.${extensionOf(language)}`, 'text/plain', code);
    return;
  }
  void copy(code.replace(/\n$/, '')).then((copied) => {
    if (!copied) return;
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = 'Copy'), 1500);
  });
}

// A text that stays or grows; of one that is replaced the component is to be, too (by its key).
export function Markdown({ text, growing = false }: { text: string; growing?: boolean }) {
  const reader = useRef<BlockReader | null>(null);
  reader.current ??= new BlockReader();
  reader.current.read(text);
  const { closed, open, links } = reader.current;
  return (
    <div class={growing ? 'markdown growing' : 'markdown'} onClick={onCodeButton}>
      {closed.map((raw, i) => (
        <Block key={i} raw={raw} links={links} />
      ))}
      {open !== '' && <Block key={closed.length} raw={open} links={links} />}
    </div>
  );
}
