import { useEffect } from 'preact/hooks';
import type { Sample } from '../api/metrics';
import { kShown, samples, trouble, watch } from '../state/live';
import { liveIsOpen } from '../state/panels';
import { IconButton } from './button';
import { Plot } from './plot';

interface Kind {
  name: keyof Sample;
  label: string;
  told: (value: number) => string;
  most?: number;
}

const rate = (value: number) => `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} tokens/s`;
const share = (value: number) => `${(100 * value).toFixed(0)}%`;

const kKinds: readonly Kind[] = [
  { name: 'generated', label: 'Answers', told: rate },
  { name: 'prompts', label: 'Prompts', told: rate },
  { name: 'running', label: 'Batch', told: (n) => `${n} running` },
  { name: 'waiting', label: 'Queue', told: (n) => `${n} waiting` },
  { name: 'kv', label: 'KV cache', told: (n) => `${share(n)} in use`, most: 1 },
  { name: 'hits', label: 'Prefix cache', told: (n) => `${share(n)} of prompts`, most: 1 },
];

// The server's state, every second.
export function Live() {
  useEffect(watch, []);
  const all = samples.value;
  const last = all.at(-1);
  return (
    <aside class="live" aria-label="Live view of the server">
      <header>
        <h2>The server, live</h2>
        <IconButton icon="close" label="Close the live view" onClick={() => (liveIsOpen.value = false)} />
      </header>
      {trouble.value !== '' && <p class="trouble">{trouble.value}</p>}
      {kKinds.map(({ name, label, told, most }) => (
        <Plot key={name} label={label} value={last ? told(last[name]) : '…'} values={all.map((s) => s[name])} most={most} room={kShown} />
      ))}
      <p class="live-note">The last minute, all models together; of the prefix cache, everything since the start.</p>
    </aside>
  );
}
