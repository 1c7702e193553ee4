import { goOn, isAnswering, regenerate, stopShown } from '../state/answering';
import { choose, path, tree } from '../state/library';
import { siblingsOf } from '../conversation/tree';
import { drawerIsOpen, isNarrow, liveIsOpen, panel } from '../state/panels';
import { onAlt, type Shortcut } from '../state/shortcuts';
import { sidebarIsOpen } from '../storage/preferences';
import { focusComposer } from './composer';
import { copy } from './copy';
import { Dialog } from './dialog';
import { toggleSidebar, toggleTheme } from './header';
import { kSearch, newConversation } from './sidebar';

const lastAnswer = () => (isAnswering() ? undefined : path.value.findLast(({ role }) => role === 'assistant'));

function branch(by: -1 | 1): void {
  const last = path.value.findLast((message) => siblingsOf(tree.value, message).length > 1);
  if (!last || isAnswering()) return;
  const all = siblingsOf(tree.value, last);
  const next = all[all.findIndex(({ id }) => id === last.id) + by];
  if (next) void choose(next);
}

function searchNow(): void {
  if (isNarrow()) drawerIsOpen.value = true;
  else sidebarIsOpen.value = true;
  requestAnimationFrame(() => document.getElementById(kSearch)?.focus());
}

const withLast = (act: (message: NonNullable<ReturnType<typeof lastAnswer>>) => unknown) => () => {
  const message = lastAnswer();
  if (message) void act(message);
};

const kShortcuts: readonly Shortcut[] = [
  { keys: 'Enter', what: 'Send the message' },
  { keys: 'Shift+Enter', what: 'A new line in it' },
  { keys: '↑', what: 'Edit the last message, from an empty box' },
  { keys: 'Esc', what: 'Stop the answer; close what is open' },
  { keys: 'Alt+N', code: 'KeyN', what: 'New conversation', act: newConversation },
  { keys: 'Alt+K', code: 'KeyK', what: 'Search conversations', act: searchNow },
  { keys: 'Alt+M', code: 'KeyM', what: 'To the message box', act: focusComposer },
  { keys: 'Alt+R', code: 'KeyR', what: 'Regenerate the last answer', act: withLast(regenerate) },
  { keys: 'Alt+G', code: 'KeyG', what: 'Continue the last answer', act: withLast((m) => m.content !== '' && goOn(m)) },
  { keys: 'Alt+C', code: 'KeyC', what: 'Copy the last answer', act: withLast((m) => copy(m.content)) },
  { keys: 'Alt+,', code: 'Comma', what: 'Previous branch', act: () => branch(-1) },
  { keys: 'Alt+.', code: 'Period', what: 'Next branch', act: () => branch(1) },
  { keys: 'Alt+L', code: 'KeyL', what: 'Live view of the server', act: () => (liveIsOpen.value = !liveIsOpen.value) },
  { keys: 'Alt+S', code: 'KeyS', what: 'Settings', act: () => (panel.value = 'settings') },
  { keys: 'Alt+T', code: 'KeyT', what: 'Light or dark', act: toggleTheme },
  { keys: 'Alt+H', code: 'KeyH', what: 'Show or hide conversations', act: toggleSidebar },
  { keys: 'Alt+/', code: 'Slash', what: 'These shortcuts', act: () => (panel.value = 'shortcuts') },
];

export function onKey(event: KeyboardEvent): void {
  if (document.querySelector('dialog[open]')) return; // which has keys of its own
  if (event.key === 'Escape' && drawerIsOpen.value) drawerIsOpen.value = false;
  else if (event.key === 'Escape' ? stopShown() : onAlt(kShortcuts, event)) event.preventDefault();
}

export const ShortcutsDialog = () => (
  <Dialog title="Shortcuts" onClose={() => (panel.value = null)}>
    <table class="shortcuts">
      <tbody>
        {kShortcuts.map(({ keys, what }) => (
          <tr key={keys}>
            <th scope="row">
              {keys.split('+').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </th>
            <td>{what}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Dialog>
);
