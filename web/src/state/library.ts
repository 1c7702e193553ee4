// The conversations in this browser, and the one that is shown. Changes are stored and announced to other
// tabs.
import { batch, computed, effect, signal, untracked } from '@preact/signals';
import type { Bundle } from '../conversation/exchange';
import { titleOf } from '../conversation/title';
import { leafBelow, newestLeaf, pathTo, subtreeOf, treeOf } from '../conversation/tree';
import type { Conversation, Message, Settings } from '../conversation/types';
import { newId } from '../ids';
import { MemoryShelf, openShelf, type Shelf } from '../storage/shelf';
import { listen, tell } from '../storage/tabs';
import { notice } from './notices';
import { currentId, show } from './route';

let shelf: Shelf = new MemoryShelf();

export const conversations = signal<readonly Conversation[]>([]); // the last used first
export const messages = signal<ReadonlyMap<string, Message>>(new Map()); // of the one that is shown
export const leaf = signal<string | null>(null);
export const isLoading = signal(true);
export const draft = signal<Settings>({}); // settings of a conversation that has not begun

export const current = computed(() => conversations.value.find(({ id }) => id === currentId.value) ?? null);
export const tree = computed(() => treeOf(messages.value.values()));
export const path = computed(() => pathTo(tree.value, leaf.value));

const byUse = (a: Conversation, b: Conversation) => b.updated - a.updated || (a.id < b.id ? -1 : 1);

function take(changed: readonly Conversation[]): void {
  if (changed.length === 0) return;
  const ids = new Set(changed.map(({ id }) => id));
  conversations.value = [...conversations.value.filter(({ id }) => !ids.has(id)), ...changed].sort(byUse);
}

function takeMessages(changed: readonly Message[]): void {
  const mine = changed.filter(({ conversation }) => conversation === currentId.value);
  if (mine.length === 0) return;
  const all = new Map(messages.value);
  for (const message of mine) all.set(message.id, message);
  messages.value = all;
}

function forget(id: string): void {
  conversations.value = conversations.value.filter((conversation) => conversation.id !== id);
  if (currentId.value === id) show(null, 'replace');
}

function forgetMessages(ids: readonly string[]): void {
  const all = new Map(messages.value);
  for (const id of ids) all.delete(id);
  messages.value = all;
  if (leaf.value !== null && !all.has(leaf.value)) leaf.value = newestLeaf(tree.value);
}

async function keep(work: (shelf: Shelf) => Promise<void>): Promise<void> {
  try {
    await work(shelf);
  } catch (error) {
    notice(`This browser could not keep the conversation: ${(error as Error).message}`);
  }
}

// Messages are stored before they are shown, since the user may close the page after seeing the end of an
// answer.
async function put(changed: Conversation[], said: Message[]): Promise<void> {
  take(changed);
  await keep((shelf) => shelf.put(changed, said));
  batch(() => {
    takeMessages(said);
    const end = changed.find(({ id }) => id === currentId.value)?.leaf;
    if (end !== undefined && said.some(({ id }) => id === end)) leaf.value = end;
  });
  tell({ kind: 'put', conversations: changed, messages: said });
}

const changed = (conversation: Conversation, how: Partial<Conversation>) => put([{ ...conversation, ...how }], []);

// Adds a message at the end of the shown branch of the shown conversation.
export async function add(message: Omit<Message, 'conversation' | 'id' | 'created'>): Promise<Message> {
  const now = Date.now();
  let conversation = current.value;
  if (!conversation) {
    conversation = { id: newId(), title: titleOf(message.content), created: now, updated: now, leaf: null, settings: draft.value };
    const begun = conversation;
    opened = begun.id; // nothing of it is to be looked for
    batch(() => {
      draft.value = {};
      conversations.value = [begun, ...conversations.value];
      messages.value = new Map();
      show(begun.id);
    });
  }
  const siblings = tree.value.children.get(message.parent) ?? [];
  const created = Math.max(now, ...siblings.map((sibling) => sibling.created + 1)); // branches stay in their order
  const whole: Message = { ...message, id: newId(), conversation: conversation.id, created };
  await put([{ ...conversation, leaf: whole.id, updated: now }], [whole]);
  return whole;
}

export const save = (message: Message): Promise<void> => put([], [message]);

// Shows the branch through this message.
export async function choose(message: Message): Promise<void> {
  leaf.value = leafBelow(tree.value, message.id);
  if (current.value) await changed(current.value, { leaf: leaf.value });
}

export const rename = (conversation: Conversation, title: string): Promise<void> => changed(conversation, { title });

// Pins the conversation to the top of the list, or unpins it.
export const setPinned = (conversation: Conversation, pinned: boolean): Promise<void> =>
  changed(conversation, { pinned: pinned ? true : undefined });

export async function setModel(model: string): Promise<void> {
  if (current.value) await changed(current.value, { model });
}

export async function setSettings(settings: Settings): Promise<void> {
  if (current.value) await changed(current.value, { settings });
  else draft.value = settings;
}

export async function remove(conversation: Conversation): Promise<void> {
  forget(conversation.id);
  await keep((shelf) => shelf.removeConversation(conversation.id));
  tell({ kind: 'removed', conversation: conversation.id });
}

// Including all its descendants.
export async function removeMessage(message: Message): Promise<void> {
  const ids = subtreeOf(tree.value, message.id);
  forgetMessages(ids);
  await keep((shelf) => shelf.removeMessages(ids));
  tell({ kind: 'removedMessages', conversation: message.conversation, ids });
  if (current.value) await changed(current.value, { leaf: leaf.value });
}

export const allMessages = (): Promise<Message[]> => shelf.allMessages();

export async function bundles(which: readonly Conversation[]): Promise<Bundle[]> {
  return Promise.all(which.map(async (conversation) => ({ conversation, messages: await shelf.messages(conversation.id) })));
}

export async function takeIn(imported: readonly Bundle[]): Promise<void> {
  await put(imported.map(({ conversation }) => conversation), imported.flatMap(({ messages }) => messages));
}

let opened: string | null = null; // whose messages are here, or on their way

async function open(id: string | null): Promise<void> {
  if (id === opened) return;
  opened = id;
  const conversation = id === null ? undefined : await shelf.conversation(id);
  const all = conversation ? await shelf.messages(conversation.id) : [];
  if (opened !== id) return; // another was opened meanwhile
  if (id !== null && !conversation) {
    notice('This conversation is not in this browser.');
    return show(null, 'replace');
  }
  batch(() => {
    messages.value = new Map(all.map((message) => [message.id, message]));
    const known = conversation?.leaf ?? null;
    leaf.value = known !== null && messages.value.has(known) ? known : newestLeaf(tree.value);
  });
}

// Applies another tab's changes to what this tab shows.
function follow(said: readonly Message[]): void {
  for (const message of said)
    if (message.conversation === currentId.value && message.parent === leaf.value) leaf.value = message.id;
}

export async function openLibrary(): Promise<void> {
  const opening = await openShelf();
  shelf = opening.shelf;
  if (!opening.lasting) notice('This browser keeps nothing here: conversations last as long as this page is open.');
  conversations.value = (await shelf.conversations()).sort(byUse);
  await open(currentId.value);
  isLoading.value = false;
  effect(() => {
    const id = currentId.value;
    untracked(() => void open(id));
  });
  listen((note) =>
    batch(() => {
      if (note.kind === 'put') {
        take(note.conversations);
        takeMessages(note.messages);
        follow(note.messages);
      } else if (note.kind === 'removed') {
        forget(note.conversation);
      } else if (note.kind === 'removedMessages' && note.conversation === currentId.value) {
        forgetMessages(note.ids);
      }
    }),
  );
}
