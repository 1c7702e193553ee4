import { expect, test } from 'vitest';
import { merged, presetOf, withoutPreset, withPreset } from '../src/conversation/presets';
import type { Preset } from '../src/conversation/types';

const terse: Preset = { name: 'Terse', settings: { system: 'Be brief.', temperature: 0 } };
const wild: Preset = { name: 'Wild', settings: { temperature: 1.5 } };

test('presets are sorted by name, and one name is one preset', () => {
  expect(withPreset([wild], terse)).toEqual([terse, wild]);
  const other = { name: 'Wild', settings: { temperature: 2 } };
  expect(withPreset([terse, wild], other)).toEqual([terse, other]);
  expect(withoutPreset([terse, wild], 'Terse')).toEqual([wild]);
});

test('a preset is known by its settings, in whatever order they were set', () => {
  expect(presetOf([terse, wild], { temperature: 0, system: 'Be brief.' })).toBe(terse);
  expect(presetOf([terse, wild], { temperature: 0 })).toBeUndefined();
});

test('imported presets replace nothing', () => {
  const other = { name: 'Wild', settings: { temperature: 2 } };
  const third = { name: 'Wild', settings: { temperature: 3 } };
  const once = merged([wild], [terse, wild, other]);
  expect(once).toEqual([terse, wild, { ...other, name: 'Wild (2)' }]);
  expect(merged(once, [other, third])).toEqual([...once, { ...third, name: 'Wild (3)' }]);
});
