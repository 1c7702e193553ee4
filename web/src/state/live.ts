// The contents of /metrics, every second, while the live view is open.
import { signal } from '@preact/signals';
import { call } from '../api/client';
import { metricsOf, sampleOf, type Metrics, type Sample } from '../api/metrics';

export const kShown = 60; // samples
const kPause = 1000; // ms

export const samples = signal<readonly Sample[]>([]);
export const trouble = signal('');

// Returns a function that stops it.
export function watch(): () => void {
  let before: { metrics: Metrics; at: number } | null = null;
  let timer: ReturnType<typeof setTimeout>;
  let ended = false;
  const look = async () => {
    try {
      const metrics = metricsOf(await (await call('metrics')).text());
      const at = performance.now();
      if (before && !ended)
        samples.value = [...samples.value, sampleOf(before.metrics, metrics, (at - before.at) / 1000)].slice(-kShown);
      before = { metrics, at };
      trouble.value = '';
    } catch (error) {
      trouble.value = (error as Error).message;
    }
    if (!ended) timer = setTimeout(() => void lookIfSeen(), kPause);
  };
  const lookIfSeen = async () => {
    if (!document.hidden) return look();
    before = null;
    document.addEventListener('visibilitychange', () => void (ended || look()), { once: true });
  };
  void look();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
