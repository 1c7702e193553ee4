// Storage of conversations: in this browser, and nowhere else.
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Conversation, Message } from '../conversation/types';

export interface Shelf {
  conversations(): Promise<Conversation[]>;
  conversation(id: string): Promise<Conversation | undefined>;
  messages(conversation: string): Promise<Message[]>;
  allMessages(): Promise<Message[]>;
  put(conversations: Conversation[], messages: Message[]): Promise<void>;
  removeConversation(id: string): Promise<void>;
  removeMessages(ids: string[]): Promise<void>;
}

interface Schema extends DBSchema {
  conversations: { key: string; value: Conversation };
  messages: { key: string; value: Message; indexes: { conversation: string } };
}

class DatabaseShelf implements Shelf {
  constructor(private readonly database: IDBPDatabase<Schema>) {}

  conversations = () => this.database.getAll('conversations');
  conversation = (id: string) => this.database.get('conversations', id);
  messages = (conversation: string) => this.database.getAllFromIndex('messages', 'conversation', conversation);
  allMessages = () => this.database.getAll('messages');

  async put(conversations: Conversation[], messages: Message[]) {
    const all = this.database.transaction(['conversations', 'messages'], 'readwrite');
    for (const conversation of conversations) void all.objectStore('conversations').put(conversation);
    for (const message of messages) void all.objectStore('messages').put(message);
    await all.done;
  }

  async removeConversation(id: string) {
    const all = this.database.transaction(['conversations', 'messages'], 'readwrite');
    void all.objectStore('conversations').delete(id);
    const keys = await all.objectStore('messages').index('conversation').getAllKeys(id);
    for (const key of keys) void all.objectStore('messages').delete(key);
    await all.done;
  }

  async removeMessages(ids: string[]) {
    const all = this.database.transaction('messages', 'readwrite');
    for (const id of ids) void all.store.delete(id);
    await all.done;
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

  async put(conversations: Conversation[], messages: Message[]) {
    for (const conversation of conversations) this.all.set(conversation.id, conversation);
    for (const message of messages) this.said.set(message.id, message);
  }

  async removeConversation(id: string) {
    this.all.delete(id);
    for (const message of await this.messages(id)) this.said.delete(message.id);
  }

  async removeMessages(ids: string[]) {
    for (const id of ids) this.said.delete(id);
  }
}

export async function openShelf(): Promise<{ shelf: Shelf; lasting: boolean }> {
  try {
    const database = await openDB<Schema>('ferrum', 1, {
      upgrade(database) {
        database.createObjectStore('conversations', { keyPath: 'id' });
        database.createObjectStore('messages', { keyPath: 'id' }).createIndex('conversation', 'conversation');
      },
    });
    return { shelf: new DatabaseShelf(database), lasting: true };
  } catch {
    return { shelf: new MemoryShelf(), lasting: false };
  }
}
