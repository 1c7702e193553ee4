interface Props {
  label: string;
  value: string; // the last one, with its unit
  values: readonly number[];
  most?: number; // where the axis ends, if that is known
  room: number; // values that fit
}

const kWidth = 240;
const kHeight = 44;

// A line over time, the newest value at the right.
export function Plot({ label, value, values, most, room }: Props) {
  const top = most ?? Math.max(...values, 1e-9);
  const at = (v: number, i: number) => {
    const x = kWidth - ((values.length - 1 - i) * kWidth) / (room - 1);
    return `${x.toFixed(1)},${(kHeight - 1 - (Math.min(v, top) / top) * (kHeight - 3)).toFixed(1)}`;
  };
  const line = values.map(at).join(' ');
  const left = kWidth - ((values.length - 1) * kWidth) / (room - 1);
  return (
    <figure class="plot">
      <figcaption>
        <span>{label}</span>
        <strong>{value}</strong>
      </figcaption>
      <svg viewBox={`0 0 ${kWidth} ${kHeight}`} preserveAspectRatio="none" role="img" aria-label={`${label}: ${value}`}>
        {values.length > 1 && (
          <>
            <polygon points={`${left.toFixed(1)},${kHeight} ${line} ${kWidth},${kHeight}`} />
            <polyline points={line} />
          </>
        )}
      </svg>
    </figure>
  );
}
