import { useId, useState } from 'preact/hooks';
import { presetOf, withoutPreset, withPreset } from '../conversation/presets';
import { current, draft, setSettings } from '../state/library';
import { presets } from '../storage/preferences';
import { confirm } from './confirm';
import { Editable } from './editable';

type Naming = 'new' | 'rename' | null;

// Chooses, saves, renames and deletes presets of the shown conversation's settings.
export function Presets() {
  const id = useId();
  const [naming, setNaming] = useState<Naming>(null);
  const all = presets.value;
  const own = current.value?.settings ?? draft.value;
  const chosen = presetOf(all, own);

  const choose = (name: string) => {
    const preset = all.find((one) => one.name === name);
    if (preset) void setSettings(preset.settings);
  };
  const isTaken = (name: string) => all.some((preset) => preset.name === name);
  const named = async (name: string) => {
    const renamed = naming === 'rename' ? chosen : undefined;
    setNaming(null);
    if (name === '' || name === renamed?.name) return;
    const question = { title: 'Replace the preset?', what: `There is a preset “${name}” already.`, action: 'Replace' };
    if (isTaken(name) && !(await confirm(question))) return;
    const others = renamed ? withoutPreset(presets.value, renamed.name) : presets.value;
    presets.value = withPreset(others, { name, settings: renamed?.settings ?? own });
  };
  const remove = async () => {
    const question = { title: 'Delete the preset?', what: `“${chosen!.name}” will be gone from this browser.`, action: 'Delete' };
    if (await confirm(question)) presets.value = withoutPreset(presets.value, chosen!.name);
  };
  return (
    <div class="field wide">
      <label for={id}>Preset</label>
      {naming !== null ? (
        <Editable label="Name of the preset" text={naming === 'rename' ? chosen!.name : ''} onDone={(name) => void named(name)} />
      ) : (
        <div class="presets">
          <select id={id} value={chosen?.name ?? ''} onChange={(event) => choose(event.currentTarget.value)}>
            <option value="">{all.length === 0 ? 'none saved yet' : 'none'}</option>
            {all.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          <button type="button" class="button" onClick={() => setNaming('new')}>
            Save as…
          </button>
          <button type="button" class="button" disabled={!chosen} onClick={() => setNaming('rename')}>
            Rename
          </button>
          <button type="button" class="button" disabled={!chosen} onClick={() => void remove()}>
            Delete
          </button>
        </div>
      )}
      <small>system prompt, stop texts and sampling under a name; a preset replaces all settings of this conversation</small>
    </div>
  );
}
