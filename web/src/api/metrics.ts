// Prometheus' text format, as far as /metrics uses it.

// Values by name and labels, verbatim: 'ferrum_steps_total{model="m"}'.
export type Metrics = ReadonlyMap<string, number>;

export function metricsOf(text: string): Metrics {
  const metrics = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    metrics.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return metrics;
}

// The sum over all models.
export function sum(metrics: Metrics, name: string): number {
  let total = 0;
  for (const [key, value] of metrics) if (key === name || key.startsWith(`${name}{`)) total += value;
  return total;
}

export interface Sample {
  generated: number; // tokens/s
  prompts: number; // tokens/s
  running: number; // sequences
  waiting: number; // requests
  kv: number; // share of the blocks in use, 0 to 1
  hits: number; // share of prompt tokens that the prefix cache had, of all since the server began
}

// The current state, and the changes since `before`.
export function sampleOf(before: Metrics, now: Metrics, seconds: number): Sample {
  const rate = (name: string) => Math.max(0, sum(now, name) - sum(before, name)) / seconds;
  const share = (part: number, whole: number) => (whole > 0 ? part / whole : 0);
  const used = sum(now, 'ferrum_kv_blocks_used');
  return {
    generated: rate('ferrum_generated_tokens_total'),
    prompts: rate('ferrum_prompt_tokens_total'),
    running: sum(now, 'ferrum_sequences_running'),
    waiting: sum(now, 'ferrum_requests_waiting'),
    kv: share(used, used + sum(now, 'ferrum_kv_blocks_cached') + sum(now, 'ferrum_kv_blocks_free')),
    hits: share(sum(now, 'ferrum_cached_tokens_total'), sum(now, 'ferrum_prompt_tokens_total')),
  };
}
