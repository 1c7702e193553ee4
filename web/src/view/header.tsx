import { sidebarIsOpen, theme } from '../storage/preferences';
import { drawerIsOpen, isNarrow, liveIsOpen, panel } from '../state/panels';
import { chooseModel, model, models } from '../state/server';
import { isDark } from '../state/theme';
import { IconButton } from './button';

const kStates = { loaded: '', loading: ' (loading)', unloaded: ' (not loaded)' };

export function toggleSidebar(): void {
  if (isNarrow()) drawerIsOpen.value = !drawerIsOpen.value;
  else sidebarIsOpen.value = !sidebarIsOpen.value;
}

export const toggleTheme = (): void => void (theme.value = isDark() ? 'light' : 'dark');

const ModelChoice = () => (
  <select
    class="model-choice"
    aria-label="Model"
    value={model.value?.id ?? ''}
    disabled={models.value.length === 0}
    onChange={(event) => chooseModel(event.currentTarget.value)}
  >
    {models.value.length === 0 && <option value="">no model</option>}
    {models.value.map(({ id, aliases, state }) => (
      <option key={id} value={id} title={aliases.length > 0 ? `also ${aliases.join(', ')}` : undefined}>
        {id + kStates[state]}
      </option>
    ))}
  </select>
);

export const Header = () => (
  <header class="header">
    <IconButton icon="menu" label="Conversations" keys="Alt+H" onClick={toggleSidebar} />
    <h1 class="unseen">Ferrum</h1>
    <ModelChoice />
    <div class="header-right">
      <IconButton
        icon="pulse"
        label="Live view of the server"
        keys="Alt+L"
        pressed={liveIsOpen.value}
        onClick={() => (liveIsOpen.value = !liveIsOpen.value)}
      />
      <IconButton icon={isDark() ? 'sun' : 'moon'} label={isDark() ? 'Light' : 'Dark'} keys="Alt+T" onClick={toggleTheme} />
      <IconButton icon="settings" label="Settings" keys="Alt+S" onClick={() => (panel.value = 'settings')} />
    </div>
  </header>
);
