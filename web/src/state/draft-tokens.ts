// How many tokens the message has that is being written.
import { signal } from '@preact/signals';
import { countTokens } from '../api/tokens';
import { model } from './server';

const kPause = 300; // ms after the last change

export const draftTokens = signal<number | null>(null); // null: not known, or nothing is written

let timer: ReturnType<typeof setTimeout> | undefined;
let request: AbortController | undefined;

// Asks the server after a pause. A model that is not loaded is left so.
export function countDraft(text: string): void {
  clearTimeout(timer);
  request?.abort();
  if (text === '') {
    draftTokens.value = null;
    return;
  }
  timer = setTimeout(() => {
    const chosen = model.value;
    if (chosen?.state !== 'loaded') return;
    const mine = new AbortController();
    request = mine;
    countTokens(chosen.id, text, mine.signal).then(
      (count) => {
        if (!mine.signal.aborted) draftTokens.value = count;
      },
      () => {
        if (!mine.signal.aborted) draftTokens.value = null;
      },
    );
  }, kPause);
}
