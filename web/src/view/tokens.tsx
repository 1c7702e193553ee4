import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Chance, Token } from '../conversation/types';

const percent = (logprob: number) => {
  const share = 100 * Math.exp(logprob);
  return share >= 99.95 ? '100%' : share >= 0.1 ? `${share.toFixed(1)}%` : '<0.1%';
};

// The model's confidence in five steps, which their underlines distinguish without colours as well.
const step = (logprob: number) => {
  const chance = Math.exp(logprob);
  return chance >= 0.9 ? 0 : chance >= 0.6 ? 1 : chance >= 0.3 ? 2 : chance >= 0.1 ? 3 : 4;
};

const visible = (text: string) => text.replaceAll('\n', '↵').replaceAll('\t', '⇥').replaceAll(' ', '␣') || '∅';

const Row = ({ chance, drawn }: { chance: Chance; drawn: boolean }) => (
  <tr class={drawn ? 'drawn' : ''}>
    <th scope="row">{visible(chance.text)}</th>
    <td>{percent(chance.logprob)}</td>
    <td>
      <meter min={0} max={1} value={Math.exp(chance.logprob)} aria-hidden="true" />
    </td>
  </tr>
);

function Alternatives({ token }: { token: Token }) {
  const rows = token.others.some(({ text }) => text === token.text) ? token.others : [token, ...token.others];
  return (
    <table class="alternatives">
      <caption>Chances at this place</caption>
      <tbody>
        {rows.map((chance, i) => (
          <Row key={i} chance={chance} drawn={chance.text === token.text} />
        ))}
      </tbody>
    </table>
  );
}

// Below the token, within the width of the text.
function place(box: HTMLElement, token: HTMLElement, within: HTMLElement): void {
  box.style.top = `${token.offsetTop + token.offsetHeight + 4}px`;
  box.style.left = `${Math.max(0, Math.min(token.offsetLeft, within.offsetWidth - box.offsetWidth))}px`;
}

// The text as drawn: arrow keys or the pointer move from token to token.
export function Tokens({ tokens }: { tokens: readonly Token[] }) {
  const [at, setAt] = useState<number | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const details = useRef<HTMLDivElement>(null);
  const chosen = at === null ? undefined : tokens[at];
  useLayoutEffect(() => {
    if (at !== null) place(details.current!, list.current!.children[at] as HTMLElement, list.current!);
  }, [at]);
  const move = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -tokens.length, End: tokens.length }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const to = Math.min(Math.max((at ?? -1) + by, 0), tokens.length - 1);
    setAt(to);
    list.current!.children[to]!.scrollIntoView({ block: 'nearest' });
  };
  const point = (event: PointerEvent) => {
    const index = (event.target as HTMLElement).dataset.index;
    if (index !== undefined) setAt(Number(index));
  };
  return (
    <div class="tokens" onPointerLeave={({ pointerType }) => pointerType === 'mouse' && setAt(null)}>
      <div
        ref={list}
        class="token-list"
        tabIndex={0}
        role="group"
        aria-label="Tokens of the answer; arrow keys go through them"
        onKeyDown={move}
        onPointerOver={point}
        onPointerDown={point}
        onBlur={() => setAt(null)}
      >
        {tokens.map((token, i) => (
          <span key={i} data-index={i} class={`token chance-${step(token.logprob)}${i === at ? ' chosen' : ''}`}>
            {token.text}
          </span>
        ))}
      </div>
      <div ref={details} class={chosen ? 'token-details' : 'unseen'} aria-live="polite">
        {chosen && <Alternatives token={chosen} />}
      </div>
      <p class="figures">Underlined: the model was not sure. Point at a token to see its alternatives.</p>
    </div>
  );
}
