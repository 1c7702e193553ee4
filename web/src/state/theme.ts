import { effect, signal } from '@preact/signals';
import { theme } from '../storage/preferences';

const dark = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(dark.matches);
dark.addEventListener('change', ({ matches }) => (systemIsDark.value = matches));

export const isDark = (): boolean => (theme.value === 'system' ? systemIsDark.value : theme.value === 'dark');

export const showTheme = (): void =>
  void effect(() => {
    document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
  });
