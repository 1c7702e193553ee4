import { useComputed } from '@preact/signals';
import { siblingsOf } from '../conversation/tree';
import type { Message } from '../conversation/types';
import { choose, tree } from '../state/library';
import { IconButton } from './button';

// Switches between branches, if there are several.
export function Branches({ message }: { message: Message }) {
  const all = useComputed(() => siblingsOf(tree.value, message)).value;
  const at = all.findIndex(({ id }) => id === message.id);
  if (all.length < 2) return null;
  const go = (to: number) => void choose(all[to]!);
  return (
    <div class="branches" role="group" aria-label="Branches">
      <IconButton icon="back" label="Previous branch" disabled={at === 0} onClick={() => go(at - 1)} />
      <span aria-live="polite">
        <span class="unseen">Branch </span>
        {at + 1}/{all.length}
      </span>
      <IconButton icon="forward" label="Next branch" disabled={at === all.length - 1} onClick={() => go(at + 1)} />
    </div>
  );
}
