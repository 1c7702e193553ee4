import type { Figures } from '../conversation/types';

const seconds = (s: number) => (s < 10 ? `${s.toFixed(2)} s` : `${s.toFixed(1)} s`);

const rate = (speed: number) => `${speed.toFixed(speed < 1000 ? 1 : 0)} tokens/s`;

// The server's figure where it gave one. An answer that was stopped has the browser's.
export function speedOf({ tokens, seconds: took, speeds }: Figures): number | null {
  if (speeds && speeds.answer > 0) return speeds.answer;
  return took !== undefined && took > 0 && tokens > 1 ? (tokens - 1) / took : null;
}

// How many tokens the answer and its prompt have, and how fast they were.
export function FiguresLine({ figures }: { figures: Figures }) {
  const speed = speedOf(figures);
  const parts = [`${figures.tokens} token${figures.tokens === 1 ? '' : 's'}`];
  if (speed !== null) parts.push(rate(speed));
  if (figures.firstToken !== undefined) parts.push(`first after ${seconds(figures.firstToken)}`);
  if (figures.promptTokens !== undefined) {
    const cached = figures.cachedTokens ? `, ${figures.cachedTokens} of them cached` : '';
    const speed = figures.speeds?.prompt ? `, ${rate(figures.speeds.prompt)}` : '';
    parts.push(`prompt ${figures.promptTokens} tokens${cached}${speed}`);
  }
  return <p class="figures">{parts.join(' · ')}</p>;
}
