import type { Message } from './types';

export interface Tree {
  byId: ReadonlyMap<string, Message>;
  children: ReadonlyMap<string | null, readonly Message[]>; // oldest first
}

const byAge = (a: Message, b: Message) => a.created - b.created || (a.id < b.id ? -1 : 1);

// A message whose parent is missing begins a branch of its own.
export function treeOf(messages: Iterable<Message>): Tree {
  const byId = new Map<string, Message>();
  for (const message of messages) byId.set(message.id, message);
  const children = new Map<string | null, Message[]>();
  for (const message of [...byId.values()].sort(byAge)) {
    const parent = message.parent !== null && byId.has(message.parent) ? message.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), message]);
  }
  return { byId, children };
}

// The messages from the beginning of the conversation to this one.
export function pathTo(tree: Tree, leaf: string | null): Message[] {
  const path: Message[] = [];
  const seen = new Set<string>();
  for (let at = leaf; at !== null && !seen.has(at); ) {
    const message = tree.byId.get(at);
    if (!message) break;
    seen.add(at);
    path.unshift(message);
    at = message.parent;
  }
  return path;
}

// The branches at this message, including its own.
export function siblingsOf(tree: Tree, message: Message): readonly Message[] {
  const parent = message.parent !== null && tree.byId.has(message.parent) ? message.parent : null;
  return tree.children.get(parent) ?? [];
}

// The end of the branch through this message, always following the newest child.
export function leafBelow(tree: Tree, id: string): string {
  for (;;) {
    const newest = tree.children.get(id)?.at(-1);
    if (!newest) return id;
    id = newest.id;
  }
}

// The default message to show.
export function newestLeaf(tree: Tree): string | null {
  const newest = tree.children.get(null)?.at(-1);
  return newest ? leafBelow(tree, newest.id) : null;
}

// This message and all its descendants.
export function subtreeOf(tree: Tree, id: string): string[] {
  const ids = [id];
  for (let i = 0; i < ids.length; ++i) for (const child of tree.children.get(ids[i]!) ?? []) ids.push(child.id);
  return ids;
}
