import { signal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { PreviewKind } from '../markdown/preview';
import { notice } from '../state/notices';
import { isDark } from '../state/theme';
import { Dialog } from './dialog';
import mermaid from '@mermaid-js/tiny/dist/mermaid.tiny.js?url';

interface Preview {
  kind: PreviewKind;
  code: string;
}

const shown = signal<Preview | null>(null);

export const preview = (kind: PreviewKind, code: string): void => void (shown.value = { kind, code });

const kTitles: Record<PreviewKind, string> = { html: 'Preview of HTML', svg: 'Preview of SVG', mermaid: 'Preview of a diagram' };

// Mermaid is a script for the frame, which cannot fetch it itself. The page never runs it.
async function libraryFor(kind: PreviewKind): Promise<string> {
  if (kind !== 'mermaid') return '';
  const response = await fetch(mermaid);
  if (!response.ok) throw new Error(`the server answered with the status ${response.status}`);
  return response.text();
}

// The frame has an origin of its own: it sees neither this page nor what the browser keeps for it, and its policy lets it
// reach no network.
function Frame({ kind, code }: Preview) {
  const sent = useRef(false);
  const send = async (frame: Window) => {
    if (sent.current) return; // a document that the frame writes loads as well
    sent.current = true;
    try {
      frame.postMessage({ kind, code, dark: isDark(), library: await libraryFor(kind) }, '*');
    } catch (error) {
      notice(`The diagram could not be drawn: ${(error as Error).message}.`);
    }
  };
  return (
    <iframe
      class={kind === 'mermaid' ? 'preview-frame' : 'preview-frame paper'}
      sandbox="allow-scripts"
      title={kTitles[kind]}
      src="preview.html"
      onLoad={(event) => void send(event.currentTarget.contentWindow!)}
    />
  );
}

export function PreviewDialog() {
  const now = shown.value;
  if (!now) return null;
  return (
    <Dialog title={kTitles[now.kind]} kind="wide" onClose={() => (shown.value = null)}>
      <Frame {...now} />
    </Dialog>
  );
}
