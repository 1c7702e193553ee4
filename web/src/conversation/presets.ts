// Named settings, sorted by name.
import { equalSettings } from './settings';
import type { Preset, Settings } from './types';

const byName = (presets: readonly Preset[]) => [...presets].sort((a, b) => a.name.localeCompare(b.name));

const without = (presets: readonly Preset[], name: string) => presets.filter((preset) => preset.name !== name);

// A preset of the same name is replaced.
export const withPreset = (presets: readonly Preset[], preset: Preset): Preset[] =>
  byName([...without(presets, preset.name), preset]);

export const withoutPreset = (presets: readonly Preset[], name: string): Preset[] => without(presets, name);

// The preset that these settings are, if any.
export const presetOf = (presets: readonly Preset[], settings: Settings): Preset | undefined =>
  presets.find((preset) => equalSettings(preset.settings, settings));

// Both. Where a name is taken by other settings, the imported preset gets a number: "Name (2)".
export function merged(presets: readonly Preset[], imported: readonly Preset[]): Preset[] {
  let all = byName(presets);
  for (const { name, settings } of imported) {
    const settingsOf = (candidate: string) => all.find((preset) => preset.name === candidate)?.settings;
    let free = name;
    for (let i = 2; settingsOf(free) && !equalSettings(settingsOf(free)!, settings); ++i) free = `${name} (${i})`;
    all = withPreset(all, { name: free, settings });
  }
  return all;
}
