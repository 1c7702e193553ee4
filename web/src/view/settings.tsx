import { useId } from 'preact/hooks';
import { kNumberFields, type NumberField } from '../conversation/settings';
import { faultOfSchema } from '../conversation/json';
import type { Settings } from '../conversation/types';
import { defaults, makesTitles, showsChances, theme, type Theme } from '../storage/preferences';
import { current, draft, setSettings } from '../state/library';
import { forgetKey, hasKey } from '../state/keys';
import { panel } from '../state/panels';
import { model, refresh } from '../state/server';
import { Dialog } from './dialog';
import { Presets } from './presets';
import { ToolSettings } from './tool-settings';

interface Scope {
  own: Settings; // what is set here
  under: Settings; // what holds for the rest
  change: (settings: Settings) => void;
}

// Omits empty fields.
function changed(settings: Settings, how: Partial<Settings>): Settings {
  const all = Object.entries({ ...settings, ...how });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined)) as Settings;
}

// The value that holds while the field is empty.
const placeholderOf = ({ name, unset }: NumberField, { under }: Scope) =>
  String(under[name] ?? model.value?.sampling[name] ?? unset ?? 'the model’s');

function NumberInput({ field, scope }: { field: NumberField; scope: Scope }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      <input
        id={id}
        type="number"
        inputMode="decimal"
        min={field.least}
        max={field.most}
        step={field.step}
        value={scope.own[field.name] ?? ''}
        placeholder={placeholderOf(field, scope)}
        aria-describedby={`${id}-hint`}
        onChange={(event) => {
          const input = event.currentTarget;
          if (!input.reportValidity()) return;
          scope.change(changed(scope.own, { [field.name]: input.value === '' ? undefined : Number(input.value) }));
        }}
      />
      <small id={`${id}-hint`}>{field.hint}</small>
    </div>
  );
}

function Texts({ scope }: { scope: Scope }) {
  const id = useId();
  return (
    <>
      <div class="field wide">
        <label for={`${id}-system`}>System prompt</label>
        <textarea
          id={`${id}-system`}
          rows={4}
          value={scope.own.system ?? ''}
          placeholder={scope.under.system ?? 'none'}
          onChange={(event) => scope.change(changed(scope.own, { system: event.currentTarget.value.trim() || undefined }))}
        />
      </div>
      <div class="field wide">
        <label for={`${id}-stop`}>Stop at</label>
        <textarea
          id={`${id}-stop`}
          rows={2}
          value={scope.own.stop?.join('\n') ?? ''}
          placeholder={scope.under.stop?.join('\n') ?? 'none'}
          aria-describedby={`${id}-stop-hint`}
          onChange={(event) => {
            const stop = event.currentTarget.value.split('\n').filter(Boolean);
            scope.change(changed(scope.own, { stop: stop.length > 0 ? stop : undefined }));
          }}
        />
        <small id={`${id}-stop-hint`}>one text on each line; the answer ends before it</small>
      </div>
    </>
  );
}

function Schema({ scope }: { scope: Scope }) {
  const id = useId();
  return (
    <div class="field wide">
      <label for={id}>Schema of answers</label>
      <textarea
        id={id}
        rows={3}
        spellcheck={false}
        value={scope.own.schema ?? ''}
        placeholder={scope.under.schema ?? 'none'}
        aria-describedby={`${id}-hint`}
        onChange={(event) => {
          const area = event.currentTarget;
          area.setCustomValidity(faultOfSchema(area.value));
          if (area.reportValidity()) scope.change(changed(scope.own, { schema: area.value.trim() || undefined }));
        }}
      />
      <small id={`${id}-hint`}>a JSON Schema: answers are JSON that it admits</small>
    </div>
  );
}

const Thinking = ({ scope }: { scope: Scope }) => (
  <label class="check">
    <input
      type="checkbox"
      checked={(scope.own.thinking ?? scope.under.thinking) === 'off'}
      onChange={(event) => scope.change(changed(scope.own, { thinking: event.currentTarget.checked ? 'off' : undefined }))}
    />
    Ask the model not to think before it answers
  </label>
);

const Fields = ({ scope }: { scope: Scope }) => (
  <>
    <Texts scope={scope} />
    <div class="fields">
      {kNumberFields.map((field) => (
        <NumberInput key={field.name} field={field} scope={scope} />
      ))}
    </div>
    <Schema scope={scope} />
    {model.value?.reasons && <Thinking scope={scope} />}
  </>
);

const kThemes: Record<Theme, string> = { system: 'System', light: 'Light', dark: 'Dark' };

function ThemeChoice() {
  const id = useId();
  return (
    <div class="field wide">
      <label for={id}>Colours</label>
      <select id={id} value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
        {Object.entries(kThemes).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

const Page = () => (
  <>
    <ThemeChoice />
    <label class="check">
      <input type="checkbox" checked={showsChances.value} onChange={(event) => (showsChances.value = event.currentTarget.checked)} />
      Ask for token probabilities (answers then have a button that shows them)
    </label>
    <label class="check">
      <input type="checkbox" checked={makesTitles.value} onChange={(event) => (makesTitles.value = event.currentTarget.checked)} />
      Let the model write the titles of conversations (models with fewer than 200 million parameters are not asked)
    </label>
    {hasKey() && (
      <button
        type="button"
        class="button"
        onClick={() => {
          forgetKey();
          void refresh();
        }}
      >
        Forget the API key
      </button>
    )}
  </>
);

export const SettingsDialog = () => (
  <Dialog title="Settings" kind="side" onClose={() => (panel.value = null)}>
    <section>
      <h3>This conversation</h3>
      <Presets />
      <Fields scope={{ own: current.value?.settings ?? draft.value, under: defaults.value, change: (s) => void setSettings(s) }} />
    </section>
    <details>
      <summary>Defaults of all conversations</summary>
      <Fields scope={{ own: defaults.value, under: {}, change: (s) => (defaults.value = s) }} />
    </details>
    <section>
      <h3>Tools</h3>
      <ToolSettings />
    </section>
    <section>
      <h3>This page</h3>
      <Page />
    </section>
  </Dialog>
);
