import { useEffect } from 'preact/hooks';
import { current } from '../state/library';
import { drawerIsOpen, liveIsOpen, panel } from '../state/panels';
import { sidebarIsOpen } from '../storage/preferences';
import { Banner } from './banner';
import { Composer, focusComposer, kComposer } from './composer';
import { ConfirmDialog } from './confirm';
import { Header } from './header';
import { KeyDialog } from './key-dialog';
import { Live } from './live';
import { Notices } from './notices';
import { PreviewDialog } from './preview';
import { SettingsDialog } from './settings';
import { onKey, ShortcutsDialog } from './shortcuts';
import { Sidebar } from './sidebar';
import { Transcript } from './transcript';

const classes = () =>
  ['app', sidebarIsOpen.value && 'with-sidebar', drawerIsOpen.value && 'with-drawer', liveIsOpen.value && 'with-live']
    .filter(Boolean)
    .join(' ');

export function App() {
  useEffect(() => {
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const drawer = drawerIsOpen.value;
  useEffect(() => {
    if (drawer) document.querySelector<HTMLElement>('.sidebar .new')?.focus();
  }, [drawer]);
  const title = current.value?.title;
  useEffect(() => {
    document.title = title === undefined ? 'Ferrum' : `${title} – Ferrum`;
  }, [title]);
  return (
    <div class={classes()}>
      <a
        class="skip"
        href={`#${kComposer}`}
        onClick={(event) => {
          event.preventDefault(); // the address says which conversation is shown
          focusComposer();
        }}
      >
        Skip to the message box
      </a>
      <Sidebar />
      <div class="curtain" onClick={() => (drawerIsOpen.value = false)} />
      <div class="centre" inert={drawerIsOpen.value}>
        <Header />
        <Banner />
        <main class="main">
          <Transcript />
          <Composer />
        </main>
      </div>
      {liveIsOpen.value && <Live />}
      {panel.value === 'settings' && <SettingsDialog />}
      {panel.value === 'shortcuts' && <ShortcutsDialog />}
      <PreviewDialog />
      <ConfirmDialog />
      <KeyDialog />
      <Notices />
    </div>
  );
}
