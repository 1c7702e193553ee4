import { expect, test } from 'vitest';
import { metricsOf, sampleOf, sum } from '../src/api/metrics';

const text = (generated: number, used: number) => `# HELP ferrum_generated_tokens_total Tokens of answers
# TYPE ferrum_generated_tokens_total counter
ferrum_generated_tokens_total{model="a b"} ${generated}
ferrum_generated_tokens_total{model="other"} 10
ferrum_prompt_tokens_total{model="a b"} 200
ferrum_cached_tokens_total{model="a b"} 50
ferrum_sequences_running{model="a b"} 3
ferrum_requests_waiting{model="a b"} 1
ferrum_kv_blocks_used{model="a b"} ${used}
ferrum_kv_blocks_cached{model="a b"} 2
ferrum_kv_blocks_free{model="a b"} 4
ferrum_connections 9
`;

test('values of all models together', () => {
  const metrics = metricsOf(text(5, 2));
  expect(sum(metrics, 'ferrum_generated_tokens_total')).toBe(15);
  expect(sum(metrics, 'ferrum_connections')).toBe(9);
  expect(sum(metrics, 'ferrum_generated')).toBe(0);
});

test('rates are of the time between, shares of the whole', () => {
  const sample = sampleOf(metricsOf(text(5, 2)), metricsOf(text(105, 2)), 2);
  expect(sample).toEqual({ generated: 50, prompts: 0, running: 3, waiting: 1, kv: 0.25, hits: 0.25 });
});

test('a server that was started anew has no negative rates', () => {
  expect(sampleOf(metricsOf(text(500, 0)), metricsOf(text(0, 0)), 1).generated).toBe(0);
  expect(sampleOf(metricsOf(''), metricsOf(''), 1).kv).toBe(0);
});
