// Storage of conversations: in this browser, and nowhere else.
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Conversation, Message } from '../conversation/types';

export interface Shelf {
  conversations(): Promise<Conversation[]>;
  conversation(id: string): Promise<Conversation | undefined>;
  messages(conversation: string): Promise<Message[]>;
  allMessages(): Promise<Message[]>;
  // Stores what is new or imported.
  put(conversations: readonly Conversation[], messages: readonly Message[]): Promise<void>;
  // Changes the stored conversation, which another tab may have changed, and adds messages to it. A conversation that was
  // removed stays away: the result is false.
  change(id: string, how: Partial<Conversation>, messages: readonly Message[]): Promise<boolean>;
  // Stores what `make` makes of the stored message: nothing of undefined, or where the message was removed. Resolves to
  // what was stored.
  revise(id: string, make: (stored: Message) => Message | undefined): Promise<Message | undefined>;
  removeConversation(id: string): Promise<void>;
  removeMessages(ids: readonly string[]): Promise<void>;
}

interface Schema extends DBSchema {
  conversations: { key: string; value: Conversation };
  messages: { key: string; value: Message; indexes: { conversation: string } };
}

class DatabaseShelf implements Shelf {
  private opened: Promise<IDBPDatabase<Schema>> | null = null;

  // A browser may close it at any time, for instance where the disk fails: the next use opens it again.
  open(): Promise<IDBPDatabase<Schema>> {
    const close = () => (this.opened = null);
    this.opened ??= openDB<Schema>('ferrum', 1, {
      upgrade(database) {
        database.createObjectStore('conversations', { keyPath: 'id' });
        database.createObjectStore('messages', { keyPath: 'id' }).createIndex('conversation', 'conversation');
      },
      terminated: close,
    });
    this.opened.catch(close);
    return this.opened;
  }

  private async both() {
    const all = (await this.open()).transaction(['conversations', 'messages'], 'readwrite');
    return { conversations: all.objectStore('conversations'), messages: all.objectStore('messages'), done: all.done };
  }

  conversations = async () => (await this.open()).getAll('conversations');
  conversation = async (id: string) => (await this.open()).get('conversations', id);
  messages = async (conversation: string) => (await this.open()).getAllFromIndex('messages', 'conversation', conversation);
  allMessages = async () => (await this.open()).getAll('messages');

  async put(changed: readonly Conversation[], said: readonly Message[]) {
    const { conversations, messages, done } = await this.both();
    for (const conversation of changed) void conversations.put(conversation);
    for (const message of said) void messages.put(message);
    await done;
  }

  async change(id: string, how: Partial<Conversation>, said: readonly Message[]) {
    const { conversations, messages, done } = await this.both();
    const stored = await conversations.get(id);
    if (stored) {
      void conversations.put({ ...stored, ...how });
      for (const message of said) void messages.put(message);
    }
    await done;
    return stored !== undefined;
  }

  async revise(id: string, make: (stored: Message) => Message | undefined) {
    const { store, done } = (await this.open()).transaction('messages', 'readwrite');
    const stored = await store.get(id);
    const made = stored && make(stored);
    if (made) void store.put(made);
    await done;
    return made;
  }

  async removeConversation(id: string) {
    const { conversations, messages, done } = await this.both();
    void conversations.delete(id);
    const keys = await messages.index('conversation').getAllKeys(id);
    for (const key of keys) void messages.delete(key);
    await done;
  }

  async removeMessages(ids: readonly string[]) {
    const { store, done } = (await this.open()).transaction('messages', 'readwrite');
    for (const id of ids) void store.delete(id);
    await done;
  }
}

// For browsers without storage: lasts as long as the page is open.
export class MemoryShelf implements Shelf {
  private readonly all = new Map<string, Conversation>();
  private readonly said = new Map<string, Message>();

  conversations = async () => [...this.all.values()];
  conversation = async (id: string) => this.all.get(id);
  messages = async (id: string) => [...this.said.values()].filter(({ conversation }) => conversation === id);
  allMessages = async () => [...this.said.values()];

  async put(conversations: readonly Conversation[], messages: readonly Message[]) {
    for (const conversation of conversations) this.all.set(conversation.id, conversation);
    for (const message of messages) this.said.set(message.id, message);
  }

  async change(id: string, how: Partial<Conversation>, messages: readonly Message[]) {
    const stored = this.all.get(id);
    if (!stored) return false;
    await this.put([{ ...stored, ...how }], messages);
    return true;
  }

  async revise(id: string, make: (stored: Message) => Message | undefined) {
    const stored = this.said.get(id);
    const made = stored && make(stored);
    if (made) this.said.set(id, made);
    return made;
  }

  async removeConversation(id: string) {
    this.all.delete(id);
    for (const message of await this.messages(id)) this.said.delete(message.id);
  }

  async removeMessages(ids: readonly string[]) {
    for (const id of ids) this.said.delete(id);
  }
}

export async function openShelf(): Promise<{ shelf: Shelf; lasting: boolean }> {
  try {
    const shelf = new DatabaseShelf();
    await shelf.open();
    return { shelf, lasting: true };
  } catch {
    return { shelf: new MemoryShelf(), lasting: false };
  }
}
