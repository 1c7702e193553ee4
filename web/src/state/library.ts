// The conversations in this browser, and the one that is shown. Changes are stored and announced to other
// tabs. A change names its conversation: by the time it is stored, another may be shown.
import { batch, computed, effect, signal, untracked } from '@preact/signals';
import type { Bundle } from '../conversation/exchange';
import { titleOf } from '../conversation/title';
import { leafBelow, newestLeaf, pathTo, subtreeOf, treeOf } from '../conversation/tree';
import type { Conversation, Message, Settings } from '../conversation/types';
import { newId } from '../ids';
import { MemoryShelf, openShelf, type Shelf } from '../storage/shelf';
import { listen, tell, type Note } from '../storage/tabs';
import { notice } from './notices';
import { currentId, show } from './route';

let shelf: Shelf = new MemoryShelf();

export const conversations = signal<readonly Conversation[]>([]); // the last used first
export const messages = signal<ReadonlyMap<string, Message>>(new Map()); // of the one that is shown
export const leaf = signal<string | null>(null);
export const isLoading = signal(true); // the list of conversations; nothing can be added before
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

const find = (id: string) => conversations.value.find((conversation) => conversation.id === id);

function takeChange(id: string, how: Partial<Conversation>): void {
  const known = find(id);
  if (known) take([{ ...known, ...how }]);
}

function takeMessages(changed: readonly Message[]): void {
  const mine = changed.filter(({ conversation }) => conversation === currentId.value);
  if (mine.length === 0) return;
  const all = new Map(messages.value);
  for (const message of mine) all.set(message.id, message);
  messages.value = all;
}

const gone = signal<ReadonlySet<string>>(new Set()); // conversations and messages removed since the page was opened

// The message or its conversation was removed, in this tab or another.
export const isGone = ({ id, conversation }: Message): boolean => gone.value.has(id) || gone.value.has(conversation);

const remember = (ids: readonly string[]) => (gone.value = new Set([...gone.value, ...ids]));

// What was removed may be imported again.
function takeAll(changed: readonly Conversation[], said: readonly Message[]): void {
  const here = new Set([...changed, ...said].map(({ id }) => id));
  gone.value = new Set([...gone.value].filter((id) => !here.has(id)));
  take(changed);
}

function forget(id: string): void {
  remember([id]);
  conversations.value = conversations.value.filter((conversation) => conversation.id !== id);
  if (currentId.value === id) show(null, 'replace');
}

function forgetMessages(ids: readonly string[]): void {
  remember(ids);
  const all = new Map(messages.value);
  for (const id of ids) all.delete(id);
  messages.value = all;
  if (leaf.value !== null && !all.has(leaf.value)) leaf.value = newestLeaf(tree.value);
}

async function keep(work: (shelf: Shelf) => Promise<unknown>): Promise<void> {
  try {
    await work(shelf);
  } catch (error) {
    notice(`This browser could not keep the conversation: ${(error as Error).message}`);
  }
}

// Messages are stored before they are shown, since the user may close the page after seeing the end of an
// answer.
async function put(changed: readonly Conversation[], said: readonly Message[]): Promise<void> {
  takeAll(changed, said);
  await keep((shelf) => shelf.put(changed, said));
  batch(() => {
    takeMessages(said);
    showLeafOf(said);
  });
  tell({ kind: 'put', conversations: changed, messages: said });
}

async function change(id: string, how: Partial<Conversation>, said: readonly Message[] = []): Promise<void> {
  takeChange(id, how);
  await keep((shelf) => shelf.change(id, how, said));
  batch(() => {
    takeMessages(said);
    showLeafOf(said);
  });
  tell({ kind: 'changed', conversation: id, how, messages: said });
}

function showLeafOf(said: readonly Message[]): void {
  const end = current.value?.leaf;
  if (end !== undefined && said.some(({ id }) => id === end)) leaf.value = end;
}

// Adds a message to the conversation, null for a new one, and shows the branch that it ends.
export async function add(
  conversation: string | null,
  message: Omit<Message, 'conversation' | 'id' | 'created'>,
): Promise<Message> {
  const now = Date.now();
  const begun = conversation === null ? begin(titleOf(message.content), now) : null;
  const id = begun?.id ?? conversation!;
  const siblings = id === currentId.value ? (tree.value.children.get(message.parent) ?? []) : [];
  const created = Math.max(now, ...siblings.map((sibling) => sibling.created + 1)); // branches stay in their order
  const whole: Message = { ...message, id: newId(), conversation: id, created };
  const how = { leaf: whole.id, updated: now };
  if (begun) await put([{ ...begun, ...how }], [whole]);
  else await change(id, how, [whole]);
  return whole;
}

// A new conversation, which is shown.
function begin(title: string, now: number): Conversation {
  const begun: Conversation = { id: newId(), title, created: now, updated: now, leaf: null, settings: draft.value };
  opened = begun.id; // nothing of it is to be looked for
  batch(() => {
    draft.value = {};
    conversations.value = [begun, ...conversations.value];
    messages.value = new Map();
    leaf.value = null;
    show(begun.id);
  });
  return begun;
}

// Stores what became of a message. False: it was removed meanwhile.
export async function save(message: Message): Promise<boolean> {
  if (isGone(message)) return false;
  await keep((shelf) => shelf.revise(message.id, () => message));
  if (isGone(message)) return false;
  takeMessages([message]);
  tell({ kind: 'revised', message });
  return true;
}

// The same while the page is being closed, when there is no time to look at what is stored.
export function saveLast(message: Message): void {
  if (isGone(message)) return;
  void keep((shelf) => shelf.put([], [message]));
  tell({ kind: 'revised', message });
}

// Marks the answer as interrupted, unless its end has been stored.
export async function interrupt(id: string): Promise<void> {
  const ended = (stored: Message): Message | undefined => (stored.state === 'streaming' ? { ...stored, state: 'interrupted' } : undefined);
  await keep(async (shelf) => {
    const message = await shelf.revise(id, ended);
    if (!message) return;
    takeMessages([message]);
    tell({ kind: 'revised', message });
  });
}

// Shows the branch through this message.
export async function choose(message: Message): Promise<void> {
  leaf.value = leafBelow(tree.value, message.id);
  await change(message.conversation, { leaf: leaf.value });
}

export const rename = ({ id }: Conversation, title: string): Promise<void> => change(id, { title });

// Pins the conversation to the top of the list, or unpins it.
export const setPinned = ({ id }: Conversation, pinned: boolean): Promise<void> => change(id, { pinned: pinned ? true : undefined });

export async function setModel(model: string): Promise<void> {
  if (current.value) await change(current.value.id, { model });
}

export async function setSettings(settings: Settings): Promise<void> {
  if (current.value) await change(current.value.id, { settings });
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
  const end = leaf.value;
  await keep((shelf) => shelf.removeMessages(ids));
  tell({ kind: 'removedMessages', conversation: message.conversation, ids });
  await change(message.conversation, { leaf: end });
}

export const allMessages = (): Promise<Message[]> => shelf.allMessages();

export async function bundles(which: readonly Conversation[]): Promise<Bundle[]> {
  return Promise.all(which.map(async (conversation) => ({ conversation, messages: await shelf.messages(conversation.id) })));
}

export async function takeIn(imported: readonly Bundle[]): Promise<void> {
  await put(imported.map(({ conversation }) => conversation), imported.flatMap(({ messages }) => messages));
}

let opened: string | null = null; // whose messages are here, or on their way
let opening: Promise<void> = Promise.resolve(); // settled once the messages of the shown conversation are here

// Resolves once what is shown is what the address says.
export async function whenShown(): Promise<void> {
  let last;
  do {
    last = opening;
    await last;
  } while (last !== opening); // another was opened meanwhile
}

function open(id: string | null): Promise<void> {
  if (id === opened) return opening;
  opened = id;
  batch(() => {
    messages.value = new Map(); // of another conversation
    leaf.value = null;
  });
  return (opening = id === null ? Promise.resolve() : read(id));
}

async function read(id: string): Promise<void> {
  let stored: Conversation | undefined;
  let all: Message[] = [];
  let trouble = 'This conversation is not in this browser.';
  try {
    stored = await shelf.conversation(id);
    if (stored) all = await shelf.messages(id);
  } catch (error) {
    stored = undefined;
    trouble = `This browser could not read the conversation: ${(error as Error).message}`;
  }
  if (opened !== id) return; // another was opened meanwhile
  if (!stored) {
    notice(trouble);
    return show(null, 'replace');
  }
  const conversation = find(id) ?? stored; // the one may have changed since the other was read
  batch(() => {
    if (conversation === stored) take([stored]);
    messages.value = new Map(all.map((message) => [message.id, message]));
    const end = conversation.leaf;
    leaf.value = end !== null && messages.value.has(end) ? end : newestLeaf(tree.value);
  });
}

// Applies another tab's changes to what this tab shows.
function follow(said: readonly Message[]): void {
  takeMessages(said);
  for (const message of said)
    if (message.conversation === currentId.value && message.parent === leaf.value) leaf.value = message.id;
}

function apply(note: Note): void {
  if (note.kind === 'put') {
    takeAll(note.conversations, note.messages);
    follow(note.messages);
  } else if (note.kind === 'changed') {
    takeChange(note.conversation, note.how);
    follow(note.messages);
  } else if (note.kind === 'revised') {
    if (!isGone(note.message)) takeMessages([note.message]);
  } else if (note.kind === 'removed') {
    forget(note.conversation);
  } else if (note.kind === 'removedMessages') {
    forgetMessages(note.ids);
  }
}

export async function openLibrary(): Promise<void> {
  const { shelf: found, lasting } = await openShelf();
  shelf = found;
  if (!lasting) notice('This browser keeps nothing here: conversations last as long as this page is open.');
  // In their order, and behind what was read before they came.
  let listRead!: () => void;
  let applied = new Promise<void>((resolve) => (listRead = resolve));
  listen((note) => {
    applied = applied.then(whenShown).then(() => batch(() => apply(note)));
  });
  try {
    conversations.value = (await shelf.conversations()).sort(byUse);
  } catch (error) {
    notice(`This browser could not read the conversations: ${(error as Error).message}`);
  }
  await open(currentId.value);
  listRead();
  isLoading.value = false;
  effect(() => {
    const id = currentId.value;
    untracked(() => void open(id));
  });
}
