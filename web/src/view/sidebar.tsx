import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { search, type Found } from '../conversation/search';
import type { Conversation } from '../conversation/types';
import { answers } from '../state/answering';
import { exportAll, exportJson, exportMarkdown, importFiles } from '../state/files';
import { allMessages, conversations, remove, rename, setPinned } from '../state/library';
import { drawerIsOpen, panel } from '../state/panels';
import { currentId, show } from '../state/route';
import { presets } from '../storage/preferences';
import { confirm } from './confirm';
import { Editable } from './editable';
import { FilePicker } from './file-picker';
import { Icon } from './icon';
import { Menu } from './menu';

export const kSearch = 'search';

const query = signal('');
const found = signal<readonly Found[] | null>(null); // null: the search field is empty
const renaming = signal<string | null>(null);

const kPause = 120; // ms after the last key

export function newConversation(): void {
  show(null);
  drawerIsOpen.value = false;
}

function go(id: string): void {
  show(id);
  drawerIsOpen.value = false;
}

async function removeAsked(conversation: Conversation): Promise<void> {
  const what = `“${conversation.title}” will be gone from this browser.`;
  if (await confirm({ title: 'Delete the conversation?', what, action: 'Delete' })) await remove(conversation);
}

const kDay = 86_400_000;

function dayOf(time: number): string {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (time >= midnight) return 'Today';
  if (time >= midnight - kDay) return 'Yesterday';
  return time >= midnight - 6 * kDay ? 'This week' : 'Earlier';
}

function Item({ conversation, snippet }: Found) {
  const shown = conversation.id === currentId.value;
  if (renaming.value === conversation.id)
    return (
      <Editable
        label="Name of the conversation"
        text={conversation.title}
        onDone={(title) => {
          renaming.value = null;
          if (title !== '') void rename(conversation, title);
        }}
      />
    );
  return (
    <div class={shown ? 'item shown' : 'item'}>
      <button type="button" class="item-title" aria-current={shown ? 'page' : undefined} onClick={() => go(conversation.id)}>
        <span>{conversation.title}</span>
        {snippet !== '' && <small>{snippet}</small>}
      </button>
      <Menu
        label={`More about ${conversation.title}`}
        entries={[
          { icon: 'edit', label: 'Rename', act: () => (renaming.value = conversation.id) },
          {
            icon: 'pin',
            label: conversation.pinned ? 'Unpin' : 'Pin',
            act: () => void setPinned(conversation, !conversation.pinned),
          },
          { icon: 'download', label: 'Export as Markdown', act: () => void exportMarkdown(conversation) },
          { icon: 'download', label: 'Export as JSON', act: () => void exportJson(conversation) },
          { icon: 'trash', label: 'Delete', act: () => void removeAsked(conversation) },
        ]}
      />
    </div>
  );
}

function List({ all }: { all: readonly Found[] }) {
  const pinnedFirst = [...all.filter(({ conversation }) => conversation.pinned), ...all.filter(({ conversation }) => !conversation.pinned)];
  const groups = Map.groupBy(pinnedFirst, ({ conversation }) => (conversation.pinned ? 'Pinned' : dayOf(conversation.updated)));
  return (
    <>
      {[...groups].map(([day, some]) => (
        <section key={day} aria-label={day}>
          <h3>{day}</h3>
          <ul>
            {some.map((one) => (
              <li key={one.conversation.id} class={answers.value.size > 0 && isBusy(one.conversation) ? 'busy' : ''}>
                <Item {...one} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

const isBusy = ({ leaf }: Conversation) => leaf !== null && answers.value.has(leaf);

function SearchBox() {
  const text = query.value;
  const all = conversations.value;
  useEffect(() => {
    if (text.trim() === '') return void (found.value = null);
    const timer = setTimeout(async () => (found.value = search(text, all, await allMessages())), kPause);
    return () => clearTimeout(timer);
  }, [text, all]);
  return (
    <div class="search">
      <Icon name="search" />
      <input
        id={kSearch}
        type="search"
        placeholder="Search"
        aria-label="Search conversations"
        value={text}
        onInput={(event) => (query.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          const first = found.value?.[0];
          if (event.key === 'Enter' && first) go(first.conversation.id);
        }}
      />
    </div>
  );
}

export function Sidebar() {
  const nothing = conversations.value.length === 0 && presets.value.length === 0;
  const all = found.value ?? conversations.value.map((conversation) => ({ conversation, snippet: '' }));
  return (
    <nav class="sidebar" aria-label="Conversations">
      <div class="sidebar-top">
        <button type="button" class="button new" onClick={newConversation}>
          <Icon name="plus" /> New conversation
        </button>
        <SearchBox />
      </div>
      <div class="list">
        {all.length > 0 ? <List all={all} /> : <p class="nothing">{found.value ? 'Nothing found.' : 'No conversations yet.'}</p>}
        <p class="unseen" role="status">
          {found.value && `${found.value.length} found`}
        </p>
      </div>
      <div class="sidebar-bottom">
        <FilePicker label="Files to import" accept=".json,application/json" onFiles={importFiles}>
          {(open) => (
            <button type="button" class="link" onClick={open}>
              <Icon name="upload" /> Import
            </button>
          )}
        </FilePicker>
        <button type="button" class="link" disabled={nothing} onClick={() => void exportAll()}>
          <Icon name="download" /> Export all
        </button>
        <button type="button" class="link" onClick={() => (panel.value = 'shortcuts')}>
          <Icon name="keyboard" /> Shortcuts
        </button>
        <a class="link" href="licences.txt" target="_blank" rel="noopener">
          Licences
        </a>
      </div>
    </nav>
  );
}
