import { expect, test } from 'vitest';
import { leafBelow, newestLeaf, pathTo, siblingsOf, subtreeOf, treeOf } from '../src/conversation/tree';
import type { Message } from '../src/conversation/types';

let time = 0;
const message = (id: string, parent: string | null): Message => ({
  id, parent, conversation: 'c', role: 'user', content: id, created: ++time, state: 'done',
});

//  a ─ b ─ c
//  │   └── d ─ e
//  └── f
const all = [message('a', null), message('b', 'a'), message('c', 'b'), message('d', 'b'), message('e', 'd'), message('f', 'a')];
const tree = treeOf(all);
const ids = (messages: readonly Message[]) => messages.map(({ id }) => id).join('');

test('a path goes from the beginning to its leaf', () => {
  expect(ids(pathTo(tree, 'e'))).toBe('abde');
  expect(ids(pathTo(tree, 'c'))).toBe('abc');
  expect(pathTo(tree, null)).toEqual([]);
  expect(pathTo(tree, 'none')).toEqual([]);
});

test('branches lie side by side, oldest first, in whatever order they came', () => {
  expect(ids(siblingsOf(tree, all[3]!))).toBe('cd');
  expect(ids(siblingsOf(treeOf([...all].reverse()), all[1]!))).toBe('bf');
  expect(ids(siblingsOf(tree, all[0]!))).toBe('a');
});

test('the newest branch is gone down', () => {
  expect(leafBelow(tree, 'b')).toBe('e');
  expect(leafBelow(tree, 'f')).toBe('f');
  expect(newestLeaf(tree)).toBe('f');
  expect(newestLeaf(treeOf([]))).toBeNull();
});

test('a message goes with all that follows it', () => {
  expect(subtreeOf(tree, 'b').sort()).toEqual(['b', 'c', 'd', 'e']);
});

test('what has lost its parent begins a branch; what goes in circles ends', () => {
  const orphan = message('x', 'gone');
  expect(ids(siblingsOf(treeOf([...all, orphan]), orphan))).toBe('ax');
  const circle = treeOf([{ ...message('p', 'q') }, { ...message('q', 'p') }]);
  expect(ids(pathTo(circle, 'p'))).toBe('qp');
});
