import type { Figures } from '../conversation/types';

const seconds = (s: number) => (s < 10 ? `${s.toFixed(2)} s` : `${s.toFixed(1)} s`);

export function speedOf({ tokens, seconds: took }: Figures): number | null {
  return took !== undefined && took > 0 && tokens > 1 ? (tokens - 1) / took : null;
}

// How much and how fast.
export function FiguresLine({ figures }: { figures: Figures }) {
  const speed = speedOf(figures);
  const parts = [`${figures.tokens} token${figures.tokens === 1 ? '' : 's'}`];
  if (speed !== null) parts.push(`${speed.toFixed(1)} tokens/s`);
  if (figures.firstToken !== undefined) parts.push(`first after ${seconds(figures.firstToken)}`);
  if (figures.promptTokens !== undefined) {
    const cached = figures.cachedTokens ? `, ${figures.cachedTokens} of them cached` : '';
    parts.push(`prompt ${figures.promptTokens} tokens${cached}`);
  }
  return <p class="figures">{parts.join(' · ')}</p>;
}
